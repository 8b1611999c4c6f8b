// The weight gradient of a sparse convolution, at the nonzero weights only: a tile of the output's
// gradient stays in registers while the taps of its channel pass by, each one sum over the tile and
// the input. A tap's sums over the images in the lanes lie in one vector, added up at the very end.
// Which items there are depends on the layer alone, and so does the order of every sum.
#include <algorithm>

#include "core/kernels/gradient_chunk.h"
#include "core/kernels/scratch.h"
#include "core/kernels/sparse_conv.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

// What one tile works on: rows [first, last) of the pattern in one part of the input channels.
struct Work {
  TileGrid::Place place;
  const float* in;
  int part, first, last;
  float* sums;  // of the part's taps, [tap][L]
  float* bias;  // [row][L], of the rows from `first` on; null where the bias has had its share
};

// The gradient at one tile, seen through ReLU and pooling; zero where another tile has been.
template <int B, int R, int C>
[[gnu::always_inline]] inline void load_gradient(const OutputGradient& gradient,
                                                 const TileGrid::Place& place, int row,
                                                 Vec (&dy)[B * R * C]) {
  const Planes& planes = gradient.dy;
  const bool pooled = gradient.argmax != nullptr;
  const int shrink = pooled ? 2 : 1;
  const GradientRow corner = row_at(gradient, place.block, row, place.row / shrink);
  const std::int64_t x = std::int64_t{place.column / shrink} * kLanes;
  const float* from = corner.dy + x;
  if (R % 2 == 0 && C % 2 == 0 && pooled) {
    const std::uint8_t* argmax = corner.argmax + x;
    const std::int64_t argmax_row = std::int64_t{planes.width} * kLanes;
    const std::int64_t argmax_block = argmax_row * planes.height * planes.channels;
#pragma GCC unroll 8
    for (int w = 0; w < B * R * C / 4; ++w) {
      constexpr int kDown = R < 2 ? 1 : R / 2, kAcross = C < 2 ? 1 : C / 2;
      const int b = w / (kDown * kAcross), r = w / kAcross % kDown, c = w % kAcross;
      const Vec value = load(from + b * planes.block_stride + r * planes.row_stride + c * kLanes);
      const VecInt index = widen(argmax + b * argmax_block + r * argmax_row + c * kLanes);
      const int first = (b * R + 2 * r) * C + 2 * c;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) dy[first + i / 2 * C + i % 2] = index == i ? value : Vec{};
    }
  } else {
#pragma GCC unroll 16
    for (int v = 0; v < B * R * C; ++v) {
      const std::int64_t at =
          v / (R * C) * planes.block_stride + v / C % R * planes.row_stride + v % C * kLanes;
      dy[v] = load(from + at);
      if (gradient.y) dy[v] = load(corner.y + x + at) > 0 ? dy[v] : Vec{};
    }
  }
  if (place.skip_blocks || place.skip_rows || place.skip_columns)
#pragma GCC unroll 16
    for (int v = 0; v < B * R * C; ++v)
      if (v / (R * C) < place.skip_blocks || v / C % R < place.skip_rows ||
          v % C < place.skip_columns)
        dy[v] = Vec{};
}

template <int B, int R, int C, int Step>
struct Sweep {
  static constexpr int kVectors = B * R * C;
  static constexpr int kChains = std::min(kVectors, kRegisters == 32 ? 4 : 2);

  static void run(const SparseWeightPass& pass, const Work& work) {
    const std::int64_t step = Step ? Step * kLanes : pass.in_step_x;
    const std::int64_t step_y = pass.in_step_y, block = pass.in_block;
    const std::uint32_t* starts = pass.order->starts(work.part);
    const std::int32_t* offsets = pass.order->offsets.data();
    const float* in = work.in;
    float* sums = work.sums;
    for (int row = work.first; row < work.last; ++row) {
      if (starts[row] == starts[row + 1] && !work.bias) continue;
      Vec dy[kVectors];
      load_gradient<B, R, C>(pass.gradient, work.place, row, dy);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) keep_in_register(dy[v]);
      if (work.bias) {
        Vec total = dy[0];
#pragma GCC unroll 16
        for (int v = 1; v < kVectors; ++v) total += dy[v];
        float* bias = work.bias + std::int64_t{row - work.first} * kLanes;
        store(bias, load(bias) + total);
      }
      const std::int32_t *offset = offsets + starts[row], *end = offsets + starts[row + 1];
      for (; offset != end; ++offset, sums += kLanes) {
        const float* x = in + *offset;
        Vec chain[kChains] = {};
        chain[0] = load(sums);
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) {
          const int b = v / (R * C), r = v / C % R, c = v % C;
          chain[v % kChains] += dy[v] * load(x + b * block + r * step_y + c * step);
        }
#pragma GCC unroll 2
        for (int half = kChains / 2; half > 0; half /= 2)
#pragma GCC unroll 2
          for (int i = 0; i < half; ++i) chain[i] += chain[i + half];
        store(sums, chain[0]);
      }
    }
  }
};

// How the work is split: rows so that the sums of an item stay in the second-level cache, groups of
// image blocks where that leaves too few items to keep threads busy.
struct Plan {
  explicit Plan(const SparseWeightPass& pass) : pass(pass), order(*pass.order) {
    constexpr std::int64_t kItems = 8, kMostTaps = 4096;
    row_parts =
        std::clamp<std::int64_t>((order.count() + kMostTaps - 1) / kMostTaps, 1, order.rows);
    group_parts =
        std::clamp<std::int64_t>((kItems + row_parts - 1) / row_parts, 1, pass.grid.groups);
  }
  int first_row(std::int64_t part) const { return static_cast<int>(order.rows * part / row_parts); }

  const SparseWeightPass& pass;
  const TapOrder& order;
  std::int64_t row_parts, group_parts;
};

// Adds up the taps of some rows over some groups; the sums of the layer's taps and rows lie in
// their order from `sums` and `bias` on.
void run_item(const Plan& shared_plan, std::int64_t row_part, std::int64_t group_part, float* sums,
              float* bias) {
  const SparseWeightPass pass = shared_plan.pass;  // the caller's lies where other threads write
  const TapOrder& order = *pass.order;
  const TileGrid& grid = pass.grid;
  const auto sweep = tile_function<Sweep>(grid.shape_index, pass.in_step_x);
  const int first = shared_plan.first_row(row_part), last = shared_plan.first_row(row_part + 1);
  const std::int64_t end = grid.groups * (group_part + 1) / shared_plan.group_parts;
  const auto sums_of = [&](int part) {
    return sums + std::int64_t{order.starts(part)[first]} * kLanes;
  };
  for (int part = 0; part < order.parts; ++part)
    std::fill(sums_of(part), sums + std::int64_t{order.starts(part)[last]} * kLanes, 0.0f);
  std::fill(bias + first * kLanes, bias + last * kLanes, 0.0f);
  for (std::int64_t group = grid.groups * group_part / shared_plan.group_parts; group < end;
       ++group)
    for (std::int64_t t = 0; t < grid.tiles(); ++t) {
      const TileGrid::Place place = grid.place(group, t);
      const float* in = pass.in + place.block * pass.in_block + place.row * pass.in_step_y +
                        place.column * pass.in_step_x;
      for (int part = 0; part < order.parts; ++part)
        sweep(pass, {place, in, part, first, last, sums_of(part),
                     pass.dbias && part == 0 ? bias + first * kLanes : nullptr});
    }
}

// The sum over the parts of the groups and over the lanes.
float total(const float* sums, std::int64_t parts, std::int64_t stride) {
  Vec value = load(sums);
  for (std::int64_t i = 1; i < parts; ++i) value += load(sums + i * stride);
  return sum(value);
}

}  // namespace

void run(const SparseWeightPass& pass) {
  const Plan plan(pass);
  const TapOrder& order = *pass.order;
  const std::int64_t taps = order.count() * kLanes, rows = order.rows * kLanes;
  const Scratch<float> sums(plan.group_parts * taps), bias(plan.group_parts * rows);
  parallel_for(plan.row_parts * plan.group_parts, [&](std::int64_t i) {
    const std::int64_t group_part = i / plan.row_parts;
    run_item(plan, i % plan.row_parts, group_part, sums.data() + group_part * taps,
             bias.data() + group_part * rows);
  });
  if (pass.dvalues)
    parallel_ranges(order.count(), 1 << 10, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float value = total(sums.data() + i * kLanes, plan.group_parts, taps);
        float& to = pass.dvalues[order.positions[i]];
        to = pass.dvalues_add ? to + value : value;
      }
    });
  if (pass.dbias)
    for (int o = 0; o < order.rows; ++o) {
      const float value = total(bias.data() + o * kLanes, plan.group_parts, rows);
      pass.dbias[o] = pass.dbias_add ? pass.dbias[o] + value : value;
    }
}

}  // namespace espalier
