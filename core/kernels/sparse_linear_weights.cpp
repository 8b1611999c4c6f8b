// The gradient of the values of a sparse matrix, at these alone.
#include "core/kernels/sparse_linear.h"
#include "core/kernels/sparse_tile.h"
#include "core/parallel.h"

namespace espalier {
namespace {

using namespace sparse;
using Run = SparseRuns::Run;

// Products whose lanes still have to be summed, many at once, and the values they belong to.
class Waiting {
 public:
  // Makes room for a run.
  void reserve(float* dw, bool add) {
    if (count_ < kMost - SparseRuns::kBlock) return;
    const int whole = count_ / kLanes * kLanes;
    for (int i = 0; i < whole; i += kLanes) sum_some(i, kLanes, dw, add);
    for (int i = whole; i < count_; ++i) {
      product_[i - whole] = product_[i];
      value_[i - whole] = value_[i];
    }
    count_ -= whole;
  }
  void push(Vec product, std::uint32_t value) {
    product_[count_] = product;
    value_[count_++] = value;
  }
  void finish(float* dw, bool add) {
    for (int i = 0; i < count_; i += kLanes) sum_some(i, std::min(kLanes, count_ - i), dw, add);
    count_ = 0;
  }

 private:
  static constexpr int kMost = 2 * SparseRuns::kBlock;

  void sum_some(int first, int count, float* dw, bool add) {
    Vec some[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) some[i] = i < count ? product_[first + i] : Vec{};
    float lane[kLanes];
    store_unaligned(lane, sums(some));
    for (int i = 0; i < count; ++i) {
      float& to = dw[value_[first + i]];
      to = add ? to + lane[i] : lane[i];
    }
  }

  Vec product_[kMost];
  std::uint32_t value_[kMost];
  int count_ = 0;
};

template <int V>
void block_weights(const SparseLinearWeightPass& p, int group, int b, std::int64_t first_column,
                   bool add) {
  const SparseRuns& order = *p.runs;
  const int at = group * order.blocks + b;
  const Run *run = order.runs.data() + order.first_run[at],
            *end = order.runs.data() + order.first_run[at + 1];
  if (run == end) return;
  const std::uint8_t* in_block = order.in_block.data() + order.first_in_block[at];
  Block<V> block(p.x, p.columns, order.features);
  const float* features = block.get(b, first_column);
  Waiting waiting;
  for (; run < end; ++run) {
    waiting.reserve(p.dw, add);
    const float* from = p.dy + run->row * p.columns + first_column;
    Vec dy[V];
#pragma GCC unroll 8
    for (int i = 0; i < V; ++i) {
      dy[i] = load(from + i * kLanes);
      keep_in_register(dy[i]);
    }
    for (std::uint32_t k = 0; k < run->count; ++k) {
      const float* feature = features + std::size_t{in_block[k]} * (V * kLanes);
      Vec product = dy[0] * load(feature);
#pragma GCC unroll 8
      for (int i = 1; i < V; ++i) product += dy[i] * load(feature + i * kLanes);
      waiting.push(product, run->start + k);
    }
    in_block += run->count;
  }
  waiting.finish(p.dw, add);
}

}  // namespace

void run(const SparseLinearWeightPass& p) {
  const Tiles tiles(p.columns);
  const int blocks = p.runs->blocks;
  parallel_for(std::int64_t{p.runs->groups} * blocks, [&](std::int64_t item) {
    for (std::int64_t tile = 0; tile < tiles.count; ++tile)
      with_width(tiles.width(tile), [&]<int V>() {
        block_weights<V>(p, static_cast<int>(item / blocks), static_cast<int>(item % blocks),
                         tiles.first(tile), p.add || tile > 0);
      });
  });
}

}  // namespace espalier
