// The weight gradient of a sparse convolution, at the nonzero weights only: a tile of the output's
// gradient stays in registers while the taps of its channel pass by, each one sum over the tile and
// the input. A tap's sums over the images in the lanes lie in one vector, added up at the very end.
// Which items there are depends on the layer alone, and so does the order of every sum.
#include <algorithm>
#include <cmath>

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
  // The gradient of the next tile is asked for, so far from this one's.
  bool asks;
  std::int64_t dy_ahead, argmax_ahead;
  InputAhead* ahead;
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

template <int B, int R, int C>
[[gnu::always_inline]] inline void ask_gradient(const OutputGradient& gradient, const Work& work,
                                                int row) {
  const Planes& planes = gradient.dy;
  const int shrink = gradient.argmax ? 2 : 1;
  const GradientRow corner = row_at(gradient, work.place.block, row, work.place.row / shrink);
  const std::int64_t x = std::int64_t{work.place.column / shrink} * kLanes;
  for (int b = 0; b < B; ++b)
    for (int r = 0; r < (R + shrink - 1) / shrink; ++r) {
      const std::int64_t at = b * planes.block_stride + r * planes.row_stride + x + work.dy_ahead;
      for (int c = 0; c < (C + shrink - 1) / shrink; ++c) {
        __builtin_prefetch(corner.dy + at + c * kLanes, 0, 2);
        if (corner.y) __builtin_prefetch(corner.y + at + c * kLanes, 0, 2);
      }
      if (corner.argmax)
        __builtin_prefetch(
            corner.argmax + work.argmax_ahead + x +
                (std::int64_t{b} * planes.channels * planes.height + r) * planes.width * kLanes,
            0, 2);
    }
}

template <int B, int R, int C, int Step>
struct WeightSweep {
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
      work.ahead->step();
      if (work.asks) ask_gradient<B, R, C>(pass.gradient, work, row);
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
      const float *x = in + offset[0], *next = in + offset[1];  // as in the forward kernel
      for (; offset != end; ++offset, sums += kLanes) {
        const float* after = in + offset[2];
        keep_in_register(after);
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
        x = next;
        next = after;
      }
    }
  }
};

// How the work is split: into ranges of rows and of channel parts, so that the sums of an item stay
// in the second-level cache, and groups of image blocks where that leaves too few items to keep
// threads busy. An item reads the input of its parts and the gradient of its rows.
struct Plan {
  explicit Plan(const SparseWeightPass& pass) : pass(pass), order(*pass.order) {
    constexpr std::int64_t kItems = 8, kMostTaps = 6144;
    const std::int64_t wanted = (order.count() + kMostTaps - 1) / kMostTaps;
    const double input = static_cast<double>(pass.in_block);
    const double gradient =
        static_cast<double>(pass.gradient.dy.block_stride) * (pass.gradient.y ? 2 : 1);
    channel_parts = std::clamp<std::int64_t>(
        std::llround(std::sqrt(static_cast<double>(wanted) * input / gradient)), 1, order.parts);
    row_parts =
        std::clamp<std::int64_t>((wanted + channel_parts - 1) / channel_parts, 1, order.rows);
    group_parts = std::clamp<std::int64_t>(
        (kItems + row_parts * channel_parts - 1) / (row_parts * channel_parts), 1,
        pass.grid.groups);
  }
  int first_row(std::int64_t i) const { return static_cast<int>(order.rows * i / row_parts); }
  int first_part(std::int64_t i) const { return static_cast<int>(order.parts * i / channel_parts); }
  std::int64_t items() const { return row_parts * channel_parts * group_parts; }

  const SparseWeightPass& pass;
  const TapOrder& order;
  std::int64_t row_parts, channel_parts, group_parts;
};

// The way from one tile to the next.
void look_ahead(const SparseWeightPass& pass, const TileGrid::Place& here,
                const TileGrid::Place& next, Work& work) {
  const int shrink = pass.gradient.argmax ? 2 : 1;
  const GradientRow from = row_at(pass.gradient, here.block, 0, here.row / shrink);
  const GradientRow to = row_at(pass.gradient, next.block, 0, next.row / shrink);
  const std::int64_t across = std::int64_t{(next.column - here.column) / shrink} * kLanes;
  work.dy_ahead = to.dy - from.dy + across;
  work.argmax_ahead = from.argmax ? to.argmax - from.argmax + across : 0;
}

// Adds up the taps of some rows and parts over some groups; the sums of the layer's taps and rows
// lie in their order from `sums` and `bias` on.
void run_item(const Plan& shared_plan, std::int64_t row_part, std::int64_t channel_part,
              std::int64_t group_part, float* sums, float* bias) {
  const SparseWeightPass pass = shared_plan.pass;  // the caller's lies where other threads write
  const TapOrder& order = *pass.order;
  const TileGrid& grid = pass.grid;
  const auto sweep = tile_function<WeightSweep>(grid.shape_index, pass.in_step_x);
  const int first = shared_plan.first_row(row_part), last = shared_plan.first_row(row_part + 1);
  const int first_part = shared_plan.first_part(channel_part);
  const int last_part = shared_plan.first_part(channel_part + 1);
  const std::int64_t first_group = grid.groups * group_part / shared_plan.group_parts;
  const std::int64_t last_group = grid.groups * (group_part + 1) / shared_plan.group_parts;
  const auto sums_of = [&](int part) {
    return sums + std::int64_t{order.starts(part)[first]} * kLanes;
  };
  for (int part = first_part; part < last_part; ++part)
    std::fill(sums_of(part), sums + std::int64_t{order.starts(part)[last]} * kLanes, 0.0f);
  const bool with_bias = pass.dbias && first_part == 0;
  if (with_bias) std::fill(bias + first * kLanes, bias + last * kLanes, 0.0f);
  NewPixels fresh = pass.fresh;
  fresh.corner += std::int64_t{first_part} * order.part_channels * fresh.channel;
  fresh.channels =
      std::min(last_part * order.part_channels, fresh.channels) - first_part * order.part_channels;
  const auto place_of = [&](std::int64_t i) {
    return grid.place(i / grid.tiles(), i % grid.tiles());
  };
  const auto in_at = [&](const TileGrid::Place& place) {
    return pass.in + place.block * pass.in_block + place.row * pass.in_step_y +
           place.column * pass.in_step_x;
  };
  const std::int64_t end = last_group * grid.tiles();
  for (std::int64_t i = first_group * grid.tiles(); i < end; ++i) {
    const TileGrid::Place place = place_of(i), next = place_of(std::min(i + 1, end - 1));
    InputAhead ahead(fresh, in_at(next), std::int64_t{last_part - first_part} * (last - first));
    Work work{.place = place,
              .in = in_at(place),
              .part = first_part,
              .first = first,
              .last = last,
              .sums = nullptr,
              .bias = with_bias ? bias + first * kLanes : nullptr,
              .asks = true,
              .dy_ahead = 0,
              .argmax_ahead = 0,
              .ahead = &ahead};
    look_ahead(pass, place, next, work);
    for (; work.part < last_part; ++work.part, work.asks = false, work.bias = nullptr) {
      work.sums = sums_of(work.part);
      sweep(pass, work);
    }
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
  parallel_for(plan.items(), [&](std::int64_t i) {
    const std::int64_t weights = plan.row_parts * plan.channel_parts, group_part = i / weights;
    run_item(plan, i % plan.row_parts, i % weights / plan.row_parts, group_part,
             sums.data() + group_part * taps, bias.data() + group_part * rows);
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
