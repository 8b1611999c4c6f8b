// What the sparse kernels share: columns in tiles of some vectors, and a block of features of a
// tile, side by side in memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/kernels/scratch.h"
#include "core/kernels/sparse_linear.h"
#include "core/simd.h"

namespace espalier::sparse {

inline constexpr int kTile = 8;  // vectors: as many sums as the multiply-adds need to be busy

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

}  // namespace espalier::sparse
