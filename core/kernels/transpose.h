// The transposition of a square of kLanes by kLanes floats in registers.
#pragma once

#include <utility>

#include "core/simd.h"

namespace espalier {

using Square = Vec[kLanes];

// One step of a transposition: swaps the upper right W x W square of each 2W x 2W square of the
// rows a and b with its lower left one.
template <std::size_t W, std::size_t... Lane>
[[gnu::always_inline]] inline void swap_squares(Vec& a, Vec& b, std::index_sequence<Lane...>) {
  const Vec low = __builtin_shufflevector(a, b, ((Lane & W) ? Lane - W + kLanes : Lane)...);
  b = __builtin_shufflevector(a, b, ((Lane & W) ? Lane + kLanes : Lane + W)...);
  a = low;
}

template <int W = kLanes / 2>
[[gnu::always_inline]] inline void transpose(Square& rows) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i)
    if (!(i & W)) swap_squares<W>(rows[i], rows[i + W], std::make_index_sequence<kLanes>());
  if constexpr (W > 1) transpose<W / 2>(rows);
}

}  // namespace espalier
