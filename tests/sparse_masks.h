// Masks for the tests of sparse layers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rng.h"

namespace espalier::testing {

// Each element kept with this probability; the same for the same seed.
inline std::vector<std::uint8_t> random_mask(std::int64_t elements, double density,
                                             std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(elements));
  for (std::uint8_t& kept : mask) kept = rng.uniform(0, 1) < static_cast<float>(density);
  return mask;
}

}  // namespace espalier::testing
