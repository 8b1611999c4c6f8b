// The innermost step of the dense convolution kernels: a tile of sums, one broadcast weight for
// each of its rows and one vector of the input for each of its columns.
#pragma once

#include "core/simd.h"

namespace espalier {

// sum[o][p] += weights[o] * the vector at pixel[p] + offset. The shorter side stays in registers
// and the other one passes by, so that a tile takes O P + min(O, P) + 1 of them: 16 for 3 by 4.
template <int O, int P>
[[gnu::always_inline]] inline void multiply_tile(const float* weights,
                                                 const float* const (&pixel)[P],
                                                 std::int64_t offset, Vec (&sum)[O][P]) {
  if constexpr (O < P) {
    Vec w[O];
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o) keep_in_register(w[o] = broadcast(weights[o]));
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      Vec x = load_unaligned(pixel[p] + offset);
      keep_in_register(x);
#pragma GCC unroll 4
      for (int o = 0; o < O; ++o) sum[o][p] += w[o] * x;
    }
  } else {
    Vec x[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) keep_in_register(x[p] = load_unaligned(pixel[p] + offset));
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o) {
      Vec w = broadcast(weights[o]);
      keep_in_register(w);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sum[o][p] += w * x[p];
    }
  }
}

}  // namespace espalier
