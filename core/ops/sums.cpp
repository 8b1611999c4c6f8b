// Sums over one dimension, cut into tiles of some thousand elements that threads take in any order;
// the tiles' sums are then added in order.
#include "core/ops/sums.h"

#include <algorithm>
#include <vector>

#include "core/memory.h"
#include "core/ops/map.h"

namespace espalier {
namespace {

constexpr std::int64_t kTile = 1 << 14;  // elements
constexpr std::int64_t kColumns = 512;   // of a tile, at most

// Eight sums side by side, whatever the width of vectors: the same bits with each.
double sum_run(const float* x, std::int64_t count) {
  constexpr int kSums = 8;
  double sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int k = 0; k < kSums; ++k) sums[k] += x[i + k];
  for (int k = 0; i + k < count; ++k) sums[k] += x[i + k];
  for (int half = kSums / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) sums[k] += sums[k + half];
  return sums[0];
}

}  // namespace

void sum_middle(const float* x, std::int64_t outer, std::int64_t count, std::int64_t inner,
                float* to, bool add, double divisor) {
  if (outer == 0 || inner == 0) return;
  const std::int64_t columns = std::min(inner, kColumns), rows = kTile / columns;  // of a tile
  const std::int64_t across = (inner + columns - 1) / columns, down = (count + rows - 1) / rows;
  std::vector<double, PoolAllocator<double>> sums(
      static_cast<std::size_t>(outer * down * inner));  // [outer, down, inner], zeros

  const auto add_tile = [&](std::int64_t o, std::int64_t part, std::int64_t block) {
    const std::int64_t begin = part * rows, end = std::min(begin + rows, count);
    const std::int64_t first = block * columns, last = std::min(first + columns, inner);
    double* sum = sums.data() + (o * down + part) * inner;
    const float* in = x + o * count * inner;
    if (inner == 1)
      sum[0] = sum_run(in + begin, end - begin);
    else
      for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t i = first; i < last; ++i) sum[i] += in[row * inner + i];
  };
  const std::int64_t tile = std::min(rows, std::max<std::int64_t>(count, 1)) * columns;
  parallel_ranges(outer * down * across, std::max<std::int64_t>(1, kElementGrain / tile),
                  [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t i = begin; i < end; ++i)
                      add_tile(i / (down * across), i / across % down, i % across);
                  });

  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      for (std::int64_t part = 0; part < down; ++part)
        sum += sums[static_cast<std::size_t>((o * down + part) * inner + i)];
      float& result = to[o * inner + i];
      result = static_cast<float>((add ? result : 0) + sum / divisor);
    }
}

}  // namespace espalier
