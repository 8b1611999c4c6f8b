// Augmentation and normalisation: from bytes to a batch in lanes, in one pass.
#pragma once

#include <cstdint>
#include <span>

#include "core/layout.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

struct AugmentOptions {
  int crop = 0;  // mirror so many pixels at the border, then cut out at random (He et al., 2016)
  bool flip = false;  // mirror left and right, for every other image on average
};

// Writes the pictures with these indices into `to`, normalised, with zeros in halo and padding
// lanes. How a picture is cut and flipped follows from the seed and its index alone.
void write_batch(const Dataset& data, std::span<const std::uint32_t> indices,
                 const Normalisation& normalisation, const AugmentOptions& options,
                 std::uint64_t seed, const Planes& to);

}  // namespace espalier::datasets
