// A sweep of the sparse convolution: the taps of some rows in one part of the input channels, at
// one tile of positions. Here is what it works on, and what becomes of the sums behind the last
// part.
#pragma once

#include <cstdint>

#include "core/kernels/sparse_conv.h"
#include "core/simd.h"

namespace espalier {

// What one tile works on, and where it puts the result.
struct Work {
  TileGrid::Place place;
  const float* in;
  float* out;
  std::uint8_t* argmax;
  float* sums;  // [row][vectors][L] between the parts
  int part, first, last;
  InputAhead* ahead;
};

// The maximum of a window, cut at zero, and which pixel it came from, as pool_window in
// conv_direct.cpp. Taps are missing here, so a NaN anywhere in the window has to be kept.
[[gnu::always_inline]] inline void pool_window(const Vec (&value)[4], float* out,
                                               std::uint8_t* argmax) {
  const Vec upper = max(value[0], value[1]), lower = max(value[2], value[3]);
  const Vec best = max(upper, lower);
  VecInt number = value[0] == value[0];
#pragma GCC unroll 3
  for (int i = 1; i < 4; ++i) number &= value[i] == value[i];
  store(out, number ? relu(best) : value[0] + value[1] + value[2] + value[3]);
  if (!argmax) return;
  const VecInt upper_index = value[1] > value[0] ? VecInt{} + 1 : VecInt{};
  const VecInt lower_index = value[3] > value[2] ? VecInt{} + 3 : VecInt{} + 2;
  VecInt index = lower > upper ? lower_index : upper_index;
  index = best <= 0 ? VecInt{} + kDeadWindow : index;
  *reinterpret_cast<Bytes*>(argmax) = __builtin_convertvector(index, Bytes);
}

// Calls f(b, r, c, vector) for each position of a tile.
template <int B, int R, int C, class Function>
[[gnu::always_inline]] inline void for_tile(const Function& f) {
#pragma GCC unroll 8
  for (int b = 0; b < B; ++b)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) f(b, r, c, (b * R + r) * C + c);
}

template <int B, int R, int C>
[[gnu::always_inline]] inline void pool_tile(const SparsePass& pass, const Work& work, int row,
                                             const Vec (&sum)[B * R * C]) {
  const TileGrid& grid = pass.grid;
  float* out = work.out + row * pass.out_channel;
  const std::int64_t windows = static_cast<std::int64_t>(grid.rows / 2) * (grid.columns / 2);
  const std::int64_t argmax_row = grid.columns / 2 * kLanes;
  const std::int64_t argmax_block = pass.order->rows * windows * kLanes;
  std::uint8_t* argmax = work.argmax ? work.argmax + row * windows * kLanes : nullptr;
  for_tile<B, R / 2, C / 2>([&](int b, int r, int c, int) {
    if (b < work.place.skip_blocks || 2 * r < work.place.skip_rows ||
        2 * c < work.place.skip_columns)
      return;
    const int first = (b * R + 2 * r) * C + 2 * c;
    const Vec value[4] = {sum[first], sum[first + 1], sum[first + C], sum[first + C + 1]};
    pool_window(value, out + b * pass.out_block + r * pass.out_step_y + c * pass.out_step_x,
                argmax ? argmax + b * argmax_block + r * argmax_row + c * kLanes : nullptr);
  });
}

// Bias and all parts are in the sums of a row: the rest happens in registers.
template <int B, int R, int C>
[[gnu::always_inline]] inline void finish(const SparsePass& pass, const Work& work, int row,
                                          Vec (&sum)[B * R * C]) {
  if (R % 2 == 0 && C % 2 == 0 && pass.pool) return pool_tile<B, R, C>(pass, work, row, sum);
  float* out = work.out + row * pass.out_channel;
  if (pass.addend)
    for_tile<B, R, C>([&](int b, int r, int c, int v) {
      const float* to = out + b * pass.out_block + r * pass.out_step_y + c * pass.out_step_x;
      sum[v] += load(pass.addend + (to - pass.out));
    });
  if (pass.relu) for_tile<B, R, C>([&](int, int, int, int v) { sum[v] = relu(sum[v]); });
  if (pass.relu_limit < kNoLimit)
    for_tile<B, R, C>([&](int, int, int, int v) { sum[v] = at_most(sum[v], pass.relu_limit); });
  for_tile<B, R, C>([&](int b, int r, int c, int v) {
    if (b < work.place.skip_blocks || r < work.place.skip_rows || c < work.place.skip_columns)
      return;
    float* to = out + b * pass.out_block + r * pass.out_step_y + c * pass.out_step_x;
    store(to, pass.add ? load(to) + sum[v] : sum[v]);
  });
}

using SweepFunction = void (*)(const SparsePass&, const Work&);
// The sweep for groups of four rows with the same columns.
SweepFunction fours_sweep(int shape, std::int64_t step);

}  // namespace espalier
