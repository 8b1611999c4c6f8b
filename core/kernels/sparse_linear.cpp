// Sparse products forward, and back to the input with the transposed matrix.
#include "core/kernels/sparse_linear.h"

#include "core/kernels/sparse_linear_block.h"
#include "core/parallel.h"

namespace espalier {
namespace {

using namespace sparse;
using Run = SparseRuns::Run;

// y [V vectors] += the features of a run, each times its value.
template <int V>
[[gnu::always_inline]] inline void add_run(const float* values, const std::uint8_t* in_block,
                                           std::uint32_t count, const float* block, float* y) {
  Vec sum[V];
#pragma GCC unroll 8
  for (int i = 0; i < V; ++i) sum[i] = load(y + i * kLanes);
  for (std::uint32_t k = 0; k < count; ++k) {
    const Vec value = broadcast(values[k]);
    const float* feature = block + std::size_t{in_block[k]} * (V * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < V; ++i) sum[i] += value * load(feature + i * kLanes);
  }
#pragma GCC unroll 8
  for (int i = 0; i < V; ++i) store(y + i * kLanes, sum[i]);
}

// What the rows of a group begin with.
template <int V>
void begin_rows(const SparseProduct& p, std::int64_t first, std::int64_t last, float* y) {
  for (std::int64_t o = first; o < last; ++o) {
    const Vec start = broadcast(p.bias ? p.bias[o] : 0);
#pragma GCC unroll 8
    for (int i = 0; i < V; ++i) store(y + o * p.columns + i * kLanes, start);
  }
}

template <int V>
void group_product(const SparseProduct& p, int group, std::int64_t first_column) {
  const SparseRuns& order = *p.runs;
  float* y = p.y + first_column;
  const std::int64_t first = std::int64_t{group} * order.group_rows;
  if (!p.add) begin_rows<V>(p, first, std::min(order.rows, first + order.group_rows), y);
  Block<V> block(p.x, p.columns, order.features);
  for (int b = 0; b < order.blocks; ++b) {
    const int at = group * order.blocks + b;
    const Run *run = order.runs.data() + order.first_run[at],
              *end = order.runs.data() + order.first_run[at + 1];
    const std::int64_t count = end - run;
    if (count == 0) continue;
    const std::uint8_t* in_block = order.in_block.data() + order.first_in_block[at];
    const float* features = block.get(b, first_column);
    for (std::int64_t r = 0; r < count; ++r) {
      block.prefetch(b + 1, r, count);
      add_run<V>(p.values + run[r].start, in_block, run[r].count, features,
                 y + run[r].row * p.columns);
      in_block += run[r].count;
    }
  }
}

// One row of the matrix times N images, in some sums that do not wait for each other.
template <int N>
void small_row(const SparseSmallProduct& p, std::int64_t o) {
  constexpr std::uint32_t kSums = 4;
  float sum[kSums][N] = {};
  std::uint32_t k = p.row_starts[o];
  const std::uint32_t end = p.row_starts[o + 1];
  const auto add = [&](std::uint32_t at, float(&to)[N]) {
    const float* x = p.x + std::size_t{p.columns[at]} * N;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) to[n] += p.values[at] * x[n];
  };
  for (; k + kSums <= end; k += kSums)
#pragma GCC unroll 4
    for (std::uint32_t s = 0; s < kSums; ++s) add(k + s, sum[s]);
  for (; k < end; ++k) add(k, sum[0]);
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n)
    p.y[o * N + n] = (p.bias ? p.bias[o] : 0) + ((sum[0][n] + sum[1][n]) + (sum[2][n] + sum[3][n]));
}

}  // namespace

void run(const SparseProduct& p) {
  const Tiles tiles(p.columns);
  const std::int64_t groups = p.runs->groups;
  parallel_for(groups * tiles.count, [&](std::int64_t item) {
    const std::int64_t tile = item / groups;
    with_width(tiles.width(tile), [&]<int V>() {
      group_product<V>(p, static_cast<int>(item % groups), tiles.first(tile));
    });
  });
}

void run(const SparseSmallProduct& p) {
  const std::int64_t rows = static_cast<std::int64_t>(p.row_starts.size()) - 1;
  constexpr std::int64_t kGrain = 32768;  // values, below which threads are not worth it
  const std::int64_t per_row = static_cast<std::int64_t>(p.columns.size()) / rows + 1;
  parallel_ranges(rows, std::max<std::int64_t>(kGrain / per_row, 1), [&](auto begin, auto end) {
    for (std::int64_t o = begin; o < end; ++o) switch (p.images) {
        case 1:
          small_row<1>(p, o);
          break;
        case 2:
          small_row<2>(p, o);
          break;
        case 3:
          small_row<3>(p, o);
          break;
        default:
          small_row<kMostSmallImages>(p, o);
      }
  });
}

}  // namespace espalier
