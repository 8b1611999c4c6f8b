// Gathering a chunk of the output gradient.
#include "core/kernels/gradient_chunk.h"

#include <algorithm>

#include "core/simd.h"

namespace espalier {
namespace {

// Bytes of a chunk: with the rows of one input channel it fits into the first-level cache.
constexpr int kChunkBytes = 16 << 10;

// Two rows of positions from one row of pooled gradients: each goes to the pixel of the window that
// was the largest, the other three get zero. Returns the sum of what passed.
Vec unpool_row(const float* dy, const std::uint8_t* argmax, int windows, float* upper, float* lower,
               int step) {
  Vec sum = {};
  for (int w = 0; w < windows; ++w) {
    const Vec value = load(dy + w * kLanes);
    const VecInt from =
        __builtin_convertvector(*reinterpret_cast<const Bytes*>(argmax + w * kLanes), VecInt);
    store(upper + 2 * w * step, from == 0 ? value : Vec{});
    store(upper + (2 * w + 1) * step, from == 1 ? value : Vec{});
    store(lower + 2 * w * step, from == 2 ? value : Vec{});
    store(lower + (2 * w + 1) * step, from == 3 ? value : Vec{});
    sum += from == kDeadWindow ? Vec{} : value;
  }
  return sum;
}

// The gradient of pixel x of a row, zero where the result says that ReLU cut it off.
Vec through_relu(const float* dy, const float* result, int x) {
  const Vec value = load(dy + x * kLanes);
  return result ? (load(result + x * kLanes) > 0 ? value : Vec{}) : value;
}

}  // namespace

ChunkPlan::ChunkPlan(const OutputGradient& gradient, int rows, int columns, int tile_channels)
    : rows(rows), columns(columns) {
  const int position_bytes = tile_channels * kLanes * 4;
  total_rows = static_cast<std::int64_t>(gradient.dy.blocks) * rows;
  chunk_rows = std::max(kChunkBytes / (position_bytes * columns), 1);
  if (gradient.argmax) chunk_rows = (chunk_rows + 1) / 2 * 2;
  chunk_rows = static_cast<int>(std::min<std::int64_t>(chunk_rows, total_rows));
  count = static_cast<int>((total_rows + chunk_rows - 1) / chunk_rows);
  positions = chunk_rows * columns;
}

int gather(const ChunkPlan& plan, const OutputGradient& gradient, int chunk, int first_channel,
           int channels, float* values, float* sums) {
  const Planes& dy = gradient.dy;
  const std::int64_t first = static_cast<std::int64_t>(chunk) * plan.chunk_rows;
  const std::int64_t last = std::min(first + plan.chunk_rows, plan.total_rows);
  const int step = channels * kLanes, row_step = plan.columns * step;
  for (int o = 0; o < channels; ++o) {
    float* to = values + o * kLanes;
    const int channel = first_channel + o;
    Vec sum = {};
    for (std::int64_t r = first; r < last;) {
      const std::int64_t block = r / plan.rows;
      const int y = static_cast<int>(r % plan.rows);
      if (gradient.argmax) {
        const std::int64_t window =
            ((block * dy.channels + channel) * dy.height + y / 2) * dy.width;
        sum += unpool_row(dy.plane(block, channel) + y / 2 * dy.row_stride,
                          gradient.argmax + window * kLanes, dy.width, to, to + row_step, step);
        to += 2 * row_step;
        r += 2;
        continue;
      }
      const float* from = dy.plane(block, channel) + y * dy.row_stride;
      const float* result = gradient.y ? gradient.y + (from - dy.data) : nullptr;
      for (int x = 0; x < plan.columns; ++x, to += step) {
        const Vec value = through_relu(from, result, x);
        store(to, value);
        sum += value;
      }
      ++r;
    }
    if (sums) store(sums + o * kLanes, load(sums + o * kLanes) + sum);
  }
  return static_cast<int>(last - first) * plan.columns;
}

void expand(const OutputGradient& gradient, std::int64_t block, std::int64_t channel,
            const Planes& to, std::int64_t to_block) {
  const Planes& dy = gradient.dy;
  zero_halo(to, to_block, channel);
  float* plane = to.plane(to_block, channel);
  for (int y = 0; y < dy.height; ++y) {
    const float* from = dy.plane(block, channel) + y * dy.row_stride;
    if (gradient.argmax) {
      const std::int64_t window = ((block * dy.channels + channel) * dy.height + y) * dy.width;
      unpool_row(from, gradient.argmax + window * kLanes, dy.width, plane + 2 * y * to.row_stride,
                 plane + (2 * y + 1) * to.row_stride, kLanes);
      continue;
    }
    const float* result = gradient.y ? gradient.y + (from - dy.data) : nullptr;
    for (int x = 0; x < dy.width; ++x)
      store(plane + y * to.row_stride + x * kLanes, through_relu(from, result, x));
  }
}

void ChunkPlan::offsets(int chunk, std::int64_t block_stride, std::int64_t step_y,
                        std::int64_t step_x, int shrink, std::int64_t* at) const {
  const std::int64_t first = static_cast<std::int64_t>(chunk) * chunk_rows;
  for (std::int64_t r = first; r < first + chunk_rows; ++r) {
    const std::int64_t inside = std::min(r, total_rows - 1);
    std::int64_t place = inside / rows * block_stride + inside % rows / shrink * step_y;
    for (int x = 0; x < columns; x += shrink, place += step_x)
      for (int same = 0; same < shrink; ++same) *at++ = place;
  }
}

}  // namespace espalier
