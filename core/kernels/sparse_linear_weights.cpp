// The gradient of the values of a sparse matrix, at these alone.
#include "core/kernels/sparse_linear.h"
#include "core/kernels/sparse_linear_block.h"
#include "core/parallel.h"

namespace espalier {
namespace {

using namespace sparse;
using Run = SparseRuns::Run;

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
    if (add_)
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) dw_[value[i]] += lane[i];
    else
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) dw_[value[i]] = lane[i];
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

}  // namespace

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
