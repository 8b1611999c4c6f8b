// The sparse convolution kernel: a tile of positions stays in registers while the taps of a row
// pass by, each one broadcast weight and as many multiply-adds with an aligned vector of the input
// as operand. Between the parts of the input channels the sums rest in scratch memory; bias, ReLU
// and 2x2 max-pool are applied in registers behind the last.
#include "core/kernels/sparse_conv.h"

#include <algorithm>

#include "core/kernels/scratch.h"
#include "core/kernels/sparse_sweep.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

// One part of the input channels for all rows of the work.
template <int B, int R, int C, int Step>
struct RowSweep {
  static constexpr int kVectors = B * R * C;

  static void run(const SparsePass& pass, const Work& work) {
    const std::int64_t step = Step ? Step * kLanes : pass.in_step_x;
    const std::int64_t step_y = pass.in_step_y, block = pass.in_block;
    const bool begins = work.part == 0, ends = work.part == pass.order->parts - 1;
    const std::uint32_t* starts = pass.order->starts(work.part);
    const float* in = work.in;
    float* sums = work.sums;
    for (int row = work.first; row < work.last; ++row, sums += kVectors * kLanes) {
      const Tap *tap = pass.taps + starts[row], *end = pass.taps + starts[row + 1];
      work.ahead->step();
      if (tap == end && !begins && !ends) continue;
      Vec sum[kVectors];
      if (begins) {
        const Vec bias = broadcast(pass.bias ? pass.bias[row] : 0.0f);
        for_tile<B, R, C>([&](int, int, int, int v) { sum[v] = bias; });
      } else {
        for_tile<B, R, C>([&](int, int, int, int v) { sum[v] = load(sums + v * kLanes); });
      }
      // Addresses are computed two taps ahead: a load that waits for the load of its own offset
      // would find the queue full of those that do not wait.
      const float *x = in + tap[0].offset, *next = in + tap[1].offset;
      for (; tap != end; ++tap) {
        const float* after = in + tap[2].offset;
        keep_in_register(after);
        Vec w = broadcast(tap->weight);
        keep_in_register(w);
        for_tile<B, R, C>([&](int b, int r, int c, int v) {
          sum[v] += w * load(x + b * block + r * step_y + c * step);
        });
        x = next;
        next = after;
      }
      if (ends)
        finish<B, R, C>(pass, work, row, sum);
      else
        for_tile<B, R, C>([&](int, int, int, int v) { store(sums + v * kLanes, sum[v]); });
    }
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
  const SweepFunction sweep = pass.fours
                                  ? fours_sweep(grid.shape_index, pass.in_step_x)
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
    for (; work.part < pass.order->parts; ++work.part) sweep(pass, work);
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
