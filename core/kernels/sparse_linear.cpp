// Sparse products forward and, with the transposed matrix, back to the input; and the gradient of
// the values, at these alone.
#include "core/kernels/sparse_linear.h"

#include <algorithm>
#include <utility>

#include "core/kernels/scratch.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

using Run = SparseRuns::Run;

constexpr int kTile = 8;  // vectors: as many sums as the multiply-adds need to be busy

// The columns cut into tiles of at most kTile vectors, of about the same width.
struct Tiles {
  explicit Tiles(std::int64_t columns)
      : vectors(columns / kLanes), count((vectors + kTile - 1) / kTile) {}
  std::int64_t first(std::int64_t tile) const { return tile * vectors / count * kLanes; }
  int width(std::int64_t tile) const {  // vectors
    return static_cast<int>((first(tile + 1) - first(tile)) / kLanes);
  }
  std::int64_t vectors, count;
};

// Blocks of features [kBlock][V vectors]: as they lie in x where the tile is all of it, otherwise
// copied, since rows a power of two apart would meet in few sets of the cache.
template <int V>
class Block {
 public:
  Block(const float* x, std::int64_t columns, std::int64_t features)
      : x_(x), columns_(columns), features_(features), copy_(copies() ? kFloats : 0) {}

  const float* get(int block, std::int64_t first_column) {
    const float* from = at(block) + first_column;
    if (!copies()) return from;
    if (block == copied_) return copy_.data();
    copied_ = block;
    float* to = copy_.data();
    for (std::int64_t f = 0; f < rows(block); ++f)
#pragma GCC unroll 8
      for (int i = 0; i < V; ++i)
        store(to + (f * V + i) * kLanes, load(from + f * columns_ + i * kLanes));
    return to;
  }

  // Asks for all lines of a block.
  void fetch(int block) const { prefetch(block, 0, 1); }

  // Asks for some lines of a block, of which `runs` runs each ask for their share.
  void prefetch(int block, std::int64_t run, std::int64_t runs) const {
    if (copies() || block * SparseRuns::kBlock >= features_) return;
    const std::int64_t floats = rows(block) * V * kLanes,
                       share = (floats / kLine + runs - 1) / runs;
    const float* line = at(block) + run * share * kLine;
    for (std::int64_t i = 0; i < share; ++i) __builtin_prefetch(line + i * kLine, 0, 2);
  }

 private:
  static constexpr std::int64_t kFloats = std::int64_t{SparseRuns::kBlock} * V * kLanes;
  static constexpr int kLine = 16;  // floats

  bool copies() const { return columns_ != V * kLanes; }
  const float* at(int block) const { return x_ + block * SparseRuns::kBlock * columns_; }
  std::int64_t rows(int block) const {
    return std::min<std::int64_t>(SparseRuns::kBlock, features_ - block * SparseRuns::kBlock);
  }

  const float* x_;
  std::int64_t columns_, features_;
  Scratch<float> copy_;
  int copied_ = -1;
};

// Calls f.template operator()<V>() for the V given.
template <class F>
void with_width(int width, const F& f) {
  [&]<int... V>(std::integer_sequence<int, V...>) {
    ((width == V + 1 ? f.template operator()<V + 1>() : void()), ...);
  }
  (std::make_integer_sequence<int, kTile>());
}

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

// Products whose lanes still have to be summed, which is done for many at once.
class Waiting {
 public:
  Waiting(float* dw, bool add) : dw_(dw), add_(add) {
    for (int i = 0; i < kLanes; ++i) rising_[i] = i;
  }

  // Room for the products of a run, whose values begin at `start`.
  Vec* room(std::uint32_t start, std::uint32_t count) {
    if (count_ >= kMost - SparseRuns::kBlock) sum_whole();
    Vec* products = product_ + count_;
    for (std::uint32_t k = 0; k < count; k += kLanes) {  // what lies beyond is overwritten
      __builtin_prefetch(dw_ + start + k, 1);
      *reinterpret_cast<Indices*>(value_ + count_ + k) = rising_ + static_cast<int>(start + k);
    }
    count_ += static_cast<int>(count);
    return products;
  }

  void finish() {
    sum_whole();
    for (int i = 0; i < count_; ++i) put(value_[i], sum(product_[i]));
  }

 private:
  static constexpr int kMost = 2 * SparseRuns::kBlock;
  typedef std::int32_t Indices __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

  void sum_whole() {
    const int whole = count_ / kLanes * kLanes;
    for (int i = 0; i < whole; i += kLanes) sum_some(product_ + i, value_ + i);
#pragma GCC unroll 1
    for (int i = whole; i < count_; ++i) {
      product_[i - whole] = product_[i];
      value_[i - whole] = value_[i];
    }
    count_ -= whole;
  }
  void put(std::uint32_t value, float gradient) {
    dw_[value] = add_ ? dw_[value] + gradient : gradient;
  }
  void sum_some(const Vec* products, const std::uint32_t* value) {
    Vec some[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) some[i] = products[i];
    float lane[kLanes];
    store_unaligned(lane, sums(some));
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) put(value[i], lane[i]);
  }

  Vec product_[kMost];
  std::uint32_t value_[kMost + kLanes];
  Indices rising_ = {};
  int count_ = 0;
  float* dw_;
  bool add_;
};

// The products of a run: a row of dy in registers meets the features of the run.
template <int V>
[[gnu::always_inline]] inline void products(const float* from, const std::uint8_t* in_block,
                                            std::uint32_t count, const float* block, Vec* to) {
  Vec dy[V];
#pragma GCC unroll 8
  for (int i = 0; i < V; ++i) {
    dy[i] = load(from + i * kLanes);
    keep_in_register(dy[i]);
  }
  for (std::uint32_t k = 0; k < count; ++k) {
    const float* feature = block + std::size_t{in_block[k]} * (V * kLanes);
    // Two sums, that the second half does not wait for the first.
    Vec even = dy[0] * load(feature), odd = {};
    if constexpr (V > 1) odd = dy[1] * load(feature + kLanes);
#pragma GCC unroll 8
    for (int i = 2; i < V; ++i) (i % 2 ? odd : even) += dy[i] * load(feature + i * kLanes);
    to[k] = V > 1 ? even + odd : even;
  }
}

template <int V>
void block_weights(const SparseProductGradient& p, int group, int b, Block<V>& block,
                   std::int64_t first_column, bool add) {
  const SparseRuns& order = *p.runs;
  const int at = group * order.blocks + b;
  const Run *run = order.runs.data() + order.first_run[at],
            *end = order.runs.data() + order.first_run[at + 1];
  if (run == end) return;
  const std::uint8_t* in_block = order.in_block.data() + order.first_in_block[at];
  const float* features = block.get(b, first_column);
  Waiting waiting(p.dw, add);
  for (; run < end; ++run) {
    products<V>(p.dy + run->row * p.columns + first_column, in_block, run->count, features,
                waiting.room(run->start, run->count));
    in_block += run->count;
  }
  waiting.finish();
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

SparseRuns::SparseRuns(std::span<const std::uint32_t> row_starts,
                       std::span<const std::uint32_t> columns, std::int64_t features)
    : rows(static_cast<std::int64_t>(row_starts.size()) - 1), features(features) {
  // Some groups for each thread, but large ones: each reads all features.
  group_rows = static_cast<int>(std::clamp<std::int64_t>((rows + 3) / 4, 1, kMostRows));
  groups = static_cast<int>((rows + group_rows - 1) / group_rows);
  blocks = static_cast<int>((features + kBlock - 1) / kBlock);

  std::vector<std::uint32_t> next(row_starts.begin(), row_starts.end() - 1);
  in_block.reserve(columns.size());
  for (int g = 0; g < groups; ++g) {
    const std::int64_t last = std::min<std::int64_t>(rows, (g + 1) * std::int64_t{group_rows});
    for (int b = 0; b < blocks; ++b) {
      const std::size_t begin = runs.size();
      first_run.push_back(static_cast<std::uint32_t>(begin));
      first_in_block.push_back(static_cast<std::uint32_t>(in_block.size()));
      for (std::int64_t o = g * std::int64_t{group_rows}; o < last; ++o) {
        const std::uint32_t start = next[o];
        while (next[o] < row_starts[o + 1] &&
               columns[next[o]] / kBlock == static_cast<std::uint32_t>(b))
          ++next[o];
        if (next[o] > start)
          runs.push_back({static_cast<std::uint32_t>(o), next[o] - start, start});
      }
      std::stable_sort(runs.begin() + static_cast<std::ptrdiff_t>(begin), runs.end(),
                       [](const Run& a, const Run& b) { return a.count < b.count; });
      for (std::size_t r = begin; r < runs.size(); ++r)
        for (std::uint32_t k = 0; k < runs[r].count; ++k)
          in_block.push_back(static_cast<std::uint8_t>(columns[runs[r].start + k] -
                                                       static_cast<std::uint32_t>(b * kBlock)));
    }
  }
  first_run.push_back(static_cast<std::uint32_t>(runs.size()));
  first_in_block.push_back(static_cast<std::uint32_t>(in_block.size()));
}

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
  constexpr decltype(&small_row<1>) kRows[] = {small_row<1>, small_row<2>, small_row<3>,
                                               small_row<kMostSmallImages>};
  const std::int64_t rows = static_cast<std::int64_t>(p.row_starts.size()) - 1;
  constexpr std::int64_t kGrain = 32768;  // values, below which threads are not worth it
  const std::int64_t per_row = static_cast<std::int64_t>(p.columns.size()) / rows + 1;
  parallel_ranges(rows, std::max<std::int64_t>(kGrain / per_row, 1), [&](auto begin, auto end) {
    for (std::int64_t o = begin; o < end; ++o) kRows[p.images - 1](p, o);
  });
}

void run(const SparseProductGradient& p) {
  const Tiles tiles(p.columns);
  const int blocks = p.runs->blocks, groups = p.runs->groups;
  // All rows of a block at once, where there are blocks enough for the threads: its features then
  // come into the cache once.
  const int parts = blocks >= 8 ? 1 : groups;
  parallel_for(std::int64_t{parts} * blocks, [&](std::int64_t item) {
    const int b = static_cast<int>(item % blocks), part = static_cast<int>(item / blocks);
    for (std::int64_t tile = 0; tile < tiles.count; ++tile)
      with_width(tiles.width(tile), [&]<int V>() {
        Block<V> block(p.x, p.columns, p.runs->features);
        block.fetch(b);
        for (int g = groups * part / parts; g < groups * (part + 1) / parts; ++g)
          block_weights<V>(p, g, b, block, tiles.first(tile), p.add || tile > 0);
      });
  });
}

}  // namespace espalier
