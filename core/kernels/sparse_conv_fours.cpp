// The sparse convolution where groups of four output channels have their weights at the same
// columns, as masks of blocks leave them: four rows by four positions in registers, so that what is
// loaded of the input serves four multiply-adds.
#include "core/kernels/sparse_sweep.h"

namespace espalier {
namespace {

template <int B, int R, int C, int Step>
struct FoursSweep {
  static constexpr int kVectors = B * R * C, kRows = 4;

  static void run(const SparsePass& pass, const Work& work) {
    if constexpr (kVectors == 4) sweep(pass, work);
  }

  static void sweep(const SparsePass& pass, const Work& work) {
    const std::int64_t step = Step ? Step * kLanes : pass.in_step_x;
    const std::int64_t step_y = pass.in_step_y, block = pass.in_block;
    const bool begins = work.part == 0, ends = work.part == pass.order->parts - 1;
    const std::uint32_t* starts = pass.order->starts(work.part);
    const float* in = work.in;
    float* sums = work.sums;
    for (int row = work.first; row < work.last; row += kRows, sums += kRows * kVectors * kLanes) {
      const TapOfFour* tap = pass.fours + starts[row] / kRows;
      const TapOfFour* end = pass.fours + starts[row + kRows] / kRows;
      for (int i = 0; i < kRows; ++i) work.ahead->step();
      if (tap == end && !begins && !ends) continue;
      Vec sum[kRows][kVectors];
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        const Vec bias = broadcast(begins && pass.bias ? pass.bias[row + i] : 0.0f);
        for_tile<B, R, C>([&](int, int, int, int v) {
          sum[i][v] = begins ? bias : load(sums + (i * kVectors + v) * kLanes);
        });
      }
      const float *x = in + tap[0].offset, *next = in + tap[1].offset;  // as for single rows
      for (; tap != end; ++tap) {
        const float* after = in + tap[2].offset;
        keep_in_register(after);
        const auto pixel = [&](int v) {
          Vec value = load(x + v / (R * C) * block + v / C % R * step_y + v % C * step);
          keep_in_register(value);
          return value;
        };
        const Vec p0 = pixel(0), p1 = pixel(1), p2 = pixel(2), p3 = pixel(3);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          Vec w = broadcast(tap->weight[i]);
          keep_in_register(w);
          sum[i][0] += w * p0;
          sum[i][1] += w * p1;
          sum[i][2] += w * p2;
          sum[i][3] += w * p3;
        }
        x = next;
        next = after;
      }
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        if (ends)
          finish<B, R, C>(pass, work, row + i, sum[i]);
        else
          for_tile<B, R, C>(
              [&](int, int, int, int v) { store(sums + (i * kVectors + v) * kLanes, sum[i][v]); });
      }
    }
  }
};

}  // namespace

SweepFunction fours_sweep(int shape, std::int64_t step) {
  return tile_function<FoursSweep>(shape, step);
}

}  // namespace espalier
