// Gathering a chunk of the output gradient.
#include "core/kernels/gradient_chunk.h"

#include <algorithm>

#include "core/simd.h"

namespace espalier {
namespace {

// Bytes of a chunk and of what one input channel has beneath it: they stay in the first-level
// cache.
constexpr int kChunkBytes = (kLanes == 16 ? 40 : 26) << 10;  // of 48 KB, or 32

void prefetch(const void* line) { __builtin_prefetch(line, 0, 2); }

// Two rows of positions from one row of pooled gradients: each goes to the pixel of the window that
// was the largest, the other three get zero. Returns the sum of what passed. Asks for the row
// `next` meanwhile.
Vec unpool_row(const GradientRow& row, const GradientRow& next, int windows, float* upper,
               float* lower, int step) {
  Vec sum = {};
  for (int w = 0; w < windows; ++w) {
    prefetch(next.dy + w * kLanes);
    prefetch(next.argmax + w * kLanes);
    const Vec value = load(row.dy + w * kLanes);
    const VecInt from = widen(row.argmax + w * kLanes);
    store(upper + 2 * w * step, from == 0 ? value : Vec{});
    store(upper + (2 * w + 1) * step, from == 1 ? value : Vec{});
    store(lower + 2 * w * step, from == 2 ? value : Vec{});
    store(lower + (2 * w + 1) * step, from == 3 ? value : Vec{});
    sum += from == kDeadWindow ? Vec{} : value;
  }
  return sum;
}

// One row of positions, zero where the result says that ReLU cut them off.
Vec copy_row(const GradientRow& row, const GradientRow& next, int columns, float* to, int step) {
  const auto copy = [&](int x) {
    prefetch(next.dy + x * kLanes);
    Vec value = load(row.dy + x * kLanes);
    if (row.y) {
      prefetch(next.y + x * kLanes);
      value = load(row.y + x * kLanes) > 0 ? value : Vec{};
    }
    store(to + x * step, value);
    return value;
  };
  Vec even = {}, odd = {};  // two sums, so that additions do not wait for each other
  int x = 0;
  for (; x + 2 <= columns; x += 2) {
    even += copy(x);
    odd += copy(x + 1);
  }
  return x < columns ? even + odd + copy(x) : even + odd;
}

}  // namespace

GradientRow row_at(const OutputGradient& gradient, std::int64_t block, std::int64_t channel,
                   int row) {
  const Planes& dy = gradient.dy;
  const float* from = dy.plane(block, channel) + row * dy.row_stride;
  const std::int64_t window = ((block * dy.channels + channel) * dy.height + row) * dy.width;
  return {from, gradient.y ? gradient.y + (from - dy.data) : nullptr,
          gradient.argmax ? gradient.argmax + window * kLanes : nullptr};
}

ChunkPlan::ChunkPlan(const OutputGradient& gradient, int rows, int columns, int position_pixels)
    : rows(rows), columns(columns) {
  const int position_bytes = position_pixels * kLanes * 4;
  total_rows = static_cast<std::int64_t>(gradient.dy.blocks) * rows;
  chunk_rows = std::max(kChunkBytes / (position_bytes * columns), 1);
  if (gradient.argmax) chunk_rows = (chunk_rows + 1) / 2 * 2;
  chunk_rows = static_cast<int>(std::min<std::int64_t>(chunk_rows, total_rows));
  count = static_cast<int>((total_rows + chunk_rows - 1) / chunk_rows);
  positions = chunk_rows * columns;
}

int gather(const ChunkPlan& plan, const OutputGradient& gradient, int chunk, int first_channel,
           int channels, int places, int channels_after, float* values, float* sums) {
  const Planes& dy = gradient.dy;
  const std::int64_t first = static_cast<std::int64_t>(chunk) * plan.chunk_rows;
  const std::int64_t last = std::min(first + plan.chunk_rows, plan.total_rows);
  const int step = places * kLanes, row_step = plan.columns * step;
  const int shrink = gradient.argmax ? 2 : 1;
  const auto row = [&](std::int64_t r) {
    return row_at(gradient, r / plan.rows, first_channel, static_cast<int>(r % plan.rows) / shrink);
  };
  for (std::int64_t r = first; r < last; r += shrink, values += shrink * row_step) {
    const bool alone = plan.count == 1;
    const std::int64_t row_after = std::min(r + plan.chunk_rows, plan.total_rows - shrink);
    GradientRow here = row(r), next = alone ? here : row(row_after);
    if (alone) next.move(dy, std::min(channels_after, dy.channels - channels - first_channel));
    for (int o = 0; o < channels; ++o) {
      float* to = values + o * kLanes;
      const Vec sum = gradient.argmax ? unpool_row(here, next, dy.width, to, to + row_step, step)
                                      : copy_row(here, next, dy.width, to, step);
      if (sums) store(sums + o * kLanes, load(sums + o * kLanes) + sum);
      here.move(dy, 1);
      next.move(dy, 1);
    }
  }
  return static_cast<int>(last - first) * plan.columns;
}

void expand(const OutputGradient& gradient, std::int64_t block, std::int64_t channel,
            const Planes& to, std::int64_t to_block, std::int64_t to_channel) {
  const Planes& dy = gradient.dy;
  zero_halo(to, to_block, to_channel);
  float* plane = to.plane(to_block, to_channel);
  const int shrink = gradient.argmax ? 2 : 1;
  for (int y = 0; y < dy.height; ++y, plane += shrink * to.row_stride) {
    const GradientRow row = row_at(gradient, block, channel, y);
    const GradientRow next = row_at(gradient, block, channel, std::min(y + 1, dy.height - 1));
    if (gradient.argmax)
      unpool_row(row, next, dy.width, plane, plane + to.row_stride, kLanes);
    else
      copy_row(row, next, dy.width, plane, kLanes);
  }
}

void ChunkPlan::offsets(int chunk, std::int64_t block_stride, std::int64_t step_y,
                        std::int64_t step_x, std::int64_t* at) const {
  const std::int64_t first = static_cast<std::int64_t>(chunk) * chunk_rows;
  for (std::int64_t r = first; r < first + chunk_rows; ++r) {
    const std::int64_t inside = std::min(r, total_rows - 1);
    std::int64_t place = inside / rows * block_stride + inside % rows * step_y;
    for (int x = 0; x < columns; ++x, place += step_x) *at++ = place;
  }
}

}  // namespace espalier
