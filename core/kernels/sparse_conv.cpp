// The sparse convolution kernel: a tile of positions stays in registers while the taps of a row
// pass by, each one broadcast weight and as many multiply-adds with an aligned vector of the input
// as operand. Between the parts of the input channels the sums rest in scratch memory; bias, ReLU
// and 2x2 max-pool are applied in registers behind the last.
#include "core/kernels/sparse_conv.h"

#include <algorithm>

#include "core/kernels/scratch.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

// What one tile works on, and where it puts the result: rows [first, last) in one part of the input
// channels.
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

// One part of the input channels for all rows of the work, so many rows at a time. Four rows that
// have their weights at the same columns meet four positions, so that what is loaded of the input
// serves four multiply-adds.
template <int Rows, int B, int R, int C, int Step>
[[gnu::always_inline]] inline void sweep(const SparsePass& pass, const Work& work,
                                         const auto* taps) {
  constexpr int kVectors = B * R * C;
  const std::int64_t step = Step ? Step * kLanes : pass.in_step_x;
  const std::int64_t step_y = pass.in_step_y, block = pass.in_block;
  const bool begins = work.part == 0, ends = work.part == pass.order->parts - 1;
  const std::uint32_t* starts = pass.order->starts(work.part);
  const float* in = work.in;
  float* sums = work.sums;
  for (int row = work.first; row < work.last; row += Rows, sums += Rows * kVectors * kLanes) {
    const auto *tap = taps + starts[row] / Rows, *end = taps + starts[row + Rows] / Rows;
    for (int i = 0; i < Rows; ++i) work.ahead->step();
    if (tap == end && !begins && !ends) continue;
    Vec sum[Rows][kVectors];
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) {
      float* const rest = sums + i * kVectors * kLanes;
      if (begins) {
        const Vec bias = broadcast(pass.bias ? pass.bias[row + i] : 0.0f);
        for_tile<B, R, C>([&](int, int, int, int v) { sum[i][v] = bias; });
      } else {
        for_tile<B, R, C>([&](int, int, int, int v) { sum[i][v] = load(rest + v * kLanes); });
      }
    }
    // Addresses are computed two taps ahead: a load that waits for the load of its own offset
    // would find the queue full of those that do not wait.
    const float *x = in + tap[0].offset, *next = in + tap[1].offset;
    for (; tap != end; ++tap) {
      const float* after = in + tap[2].offset;
      keep_in_register(after);
      const auto at = [&](int v) {
        return x + v / (R * C) * block + v / C % R * step_y + v % C * step;
      };
      const auto pixel = [&](int v) {
        Vec value = load(at(v));
        keep_in_register(value);
        return value;
      };
      if constexpr (Rows == 1) {
        Vec w = broadcast(tap->weight[0]);
        keep_in_register(w);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) sum[0][v] += w * load(at(v));
      } else {
        const Vec p0 = pixel(0), p1 = pixel(1), p2 = pixel(2), p3 = pixel(3);
#pragma GCC unroll 4
        for (int i = 0; i < Rows; ++i) {
          Vec w = broadcast(tap->weight[i]);
          keep_in_register(w);
          sum[i][0] += w * p0;
          sum[i][1] += w * p1;
          sum[i][2] += w * p2;
          sum[i][3] += w * p3;
        }
      }
      x = next;
      next = after;
    }
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) {
      if (ends)
        finish<B, R, C>(pass, work, row + i, sum[i]);
      else
        for_tile<B, R, C>(
            [&](int, int, int, int v) { store(sums + (i * kVectors + v) * kLanes, sum[i][v]); });
    }
  }
}

template <int B, int R, int C, int Step>
struct RowSweep {
  static void run(const SparsePass& pass, const Work& work) {
    sweep<1, B, R, C, Step>(pass, work, pass.taps);
  }
};

template <int B, int R, int C, int Step>
struct FoursSweep {
  static void run(const SparsePass& pass, const Work& work) {
    if constexpr (B * R * C == 4) sweep<4, B, R, C, Step>(pass, work, pass.fours);
  }
};

// What one item computes: some tiles of a group of image blocks, some rows of the output.
struct Item {
  std::int64_t group, first_tile, last_tile;
  int first_row, last_row;
};

void run_item(const SparsePass& shared_pass, const Item& item) {
  const SparsePass pass = shared_pass;  // for the caller's lies where another thread writes
  const TileGrid& grid = pass.grid;
  const auto run_sweep = pass.fours ? tile_function<FoursSweep>(grid.shape_index, pass.in_step_x)
                                    : tile_function<RowSweep>(grid.shape_index, pass.in_step_x);
  const std::int64_t sums =
      std::int64_t{item.last_row - item.first_row} * grid.shape().vectors() * kLanes;
  const Scratch<float> scratch(pass.order->parts > 1 ? sums : 0);
  const int shrink = pass.pool ? 2 : 1;
  if (pass.halo_of.data && item.first_tile == 0) {
    const int first = static_cast<int>(item.group) * grid.shape().blocks;
    for (int b = first; b < std::min(first + grid.shape().blocks, grid.blocks); ++b)
      for (int o = item.first_row; o < item.last_row; ++o) zero_halo(pass.halo_of, b, o);
  }
  const auto in_at = [&](std::int64_t tile) {
    const TileGrid::Place place = grid.place(item.group, tile);
    return pass.in + place.block * pass.in_block + place.row * pass.in_step_y +
           place.column * pass.in_step_x;
  };
  for (std::int64_t t = item.first_tile; t < item.last_tile; ++t) {
    const TileGrid::Place place = grid.place(item.group, t);
    const int y = place.row / shrink, x = place.column / shrink;
    InputAhead ahead(pass.fresh, in_at(std::min(t + 1, item.last_tile - 1)),
                     std::int64_t{pass.order->parts} * (item.last_row - item.first_row));
    Work work{
        .place = place,
        .in = in_at(t),
        .out = pass.out + place.block * pass.out_block + y * pass.out_step_y + x * pass.out_step_x,
        .argmax = nullptr,
        .sums = scratch.data(),
        .part = 0,
        .first = item.first_row,
        .last = item.last_row,
        .ahead = &ahead};
    if (pass.argmax) {
      const std::int64_t height = grid.rows / 2, width = grid.columns / 2;
      work.argmax =
          pass.argmax + ((place.block * pass.order->rows * height + y) * width + x) * kLanes;
    }
    for (; work.part < pass.order->parts; ++work.part) run_sweep(pass, work);
  }
}

}  // namespace

void run(const SparsePass& pass) {
  constexpr std::int64_t kItems = 32;  // enough to keep threads busy to the end
  const TileGrid& grid = pass.grid;
  const std::int64_t tile_parts =
      std::clamp<std::int64_t>((kItems + grid.groups - 1) / grid.groups, 1, grid.tiles());
  const std::int64_t row_parts = std::clamp<std::int64_t>(kItems / 2 / (grid.groups * tile_parts),
                                                          1, (pass.order->rows + 7) / 8);
  parallel_for(grid.groups * tile_parts * row_parts, [&](std::int64_t i) {
    const std::int64_t rows = i % row_parts, part = i / row_parts % tile_parts;
    const auto first_row = [&](std::int64_t after) {
      const std::int64_t together = pass.fours ? 4 : 1;
      return static_cast<int>(pass.order->rows / together * after / row_parts * together);
    };
    run_item(pass, {i / row_parts / tile_parts, grid.tiles() * part / tile_parts,
                    grid.tiles() * (part + 1) / tile_parts, first_row(rows), first_row(rows + 1)});
  });
}

}  // namespace espalier
