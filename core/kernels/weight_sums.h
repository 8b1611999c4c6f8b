// Writing what a weight-gradient kernel has summed: the lanes are added up, the mask is honoured.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/simd.h"

namespace espalier {

// dw[to] (+)= value, or 0 where the mask is; for one weight and for a vector of neighbours.
inline void put(const WeightPass& p, std::int64_t to, float value) {
  if (p.dw_mask && !p.dw_mask[to]) value = 0;
  p.dw[to] = p.dw_add ? p.dw[to] + value : value;
}
inline void put(const WeightPass& p, std::int64_t to, Vec values) {
  if (p.dw_mask) values = widen(p.dw_mask + to) != 0 ? values : Vec{};
  store_unaligned(p.dw + to, p.dw_add ? load_unaligned(p.dw + to) + values : values);
}

// `count` weights from `to` on; their sums lie as [count][L].
inline void write_sums(const WeightPass& p, std::int64_t to, const float* sums_of_lanes,
                       std::int64_t count) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    __builtin_prefetch(p.dw + to + count + i, 1);  // often the next to be written
    Vec lanes[kLanes];
#pragma GCC unroll 16
    for (int lane = 0; lane < kLanes; ++lane)
      lanes[lane] = load(sums_of_lanes + (i + lane) * kLanes);
    put(p, to + i, sums(lanes));
  }
  for (; i < count; ++i) put(p, to + i, sum(load(sums_of_lanes + i * kLanes)));
}

inline void write_bias(const WeightPass& p, int channel, const float* sums_of_lanes) {
  const float value = sum(load(sums_of_lanes));
  p.dbias[channel] = p.dbias_add ? p.dbias[channel] + value : value;
}

}  // namespace espalier
