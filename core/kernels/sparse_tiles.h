// Tiles of positions: what a sparse kernel keeps in registers while it goes through the taps of a
// row. Their shapes are known at compile time; which one fits a layer best is chosen here.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "core/layout.h"
#include "core/ops/sides.h"
#include "core/simd.h"

namespace espalier {

// So many image blocks, and rows and columns of positions in each.
struct TileShape {
  int blocks, rows, columns;
  constexpr int vectors() const { return blocks * rows * columns; }
};

#if defined(__AVX512F__)
inline constexpr std::array kTileShapes{TileShape{1, 2, 8}, TileShape{1, 4, 4}, TileShape{2, 2, 4},
                                        TileShape{4, 2, 2}, TileShape{8, 1, 1}, TileShape{1, 1, 8},
                                        TileShape{2, 2, 2}, TileShape{1, 2, 4}, TileShape{4, 1, 1},
                                        TileShape{1, 1, 4}, TileShape{1, 2, 2}, TileShape{1, 1, 1}};
#else
inline constexpr std::array kTileShapes{TileShape{1, 2, 4}, TileShape{2, 2, 2}, TileShape{8, 1, 1},
                                        TileShape{1, 1, 8}, TileShape{4, 1, 1}, TileShape{1, 1, 4},
                                        TileShape{1, 2, 2}, TileShape{1, 1, 1}};
#endif

// The positions of a layer cut into tiles of one shape. Where a shape does not divide the
// positions, the last tile overlaps the one before it and skips what that has done.
struct TileGrid {
  // Tiles of pooled positions begin at even ones and have an even number of rows and columns.
  // `vectors`: how many positions a tile has, 0 for as many as are best; has_shape tells whether
  // there is a tile of so many that fits.
  TileGrid(int blocks, int rows, int columns, bool pooled, int vectors = 0);

  struct Place {
    int block, row, column;                    // of the first position
    int skip_blocks, skip_rows, skip_columns;  // at the tile's beginning
  };
  // Tiles go along the rows of a group of blocks.
  Place place(std::int64_t group, std::int64_t tile) const {
    const auto down = static_cast<int>(tile / across), right = static_cast<int>(tile % across);
    const int block = static_cast<int>(group) * shape().blocks;
    const int row = down * shape().rows, column = right * shape().columns;
    const Place last{
        blocks - shape().blocks, rows - shape().rows, columns - shape().columns, 0, 0, 0};
    Place p{std::min(block, last.block),
            std::min(row, last.row),
            std::min(column, last.column),
            0,
            0,
            0};
    p.skip_blocks = block - p.block;
    p.skip_rows = row - p.row;
    p.skip_columns = column - p.column;
    return p;
  }
  bool has_shape() const { return shape_index >= 0; }
  const TileShape& shape() const { return kTileShapes[shape_index]; }

  int blocks, rows, columns;
  int shape_index = -1;
  int groups = 0, down = 0, across = 0;                               // tiles in each direction
  std::int64_t tiles() const { return std::int64_t{down} * across; }  // of a group
};

// The most channels of a part that leave what a tile reads of it in the first-level cache, evened
// out over the parts.
int part_channels(const TileGrid& grid, const Planes& in, Pair stride, int kernel_h, int kernel_w);

// The pixels that a tile reads and its neighbours to the left and above have not, as a rectangle
// that begins so far from the tile's first position; strides in floats.
struct NewPixels {
  std::int64_t corner = 0, channel = 0, row = 0;
  int channels = 0, rows = 0, columns = 0;
};

// What the next tile will read of the input and this one did not: asked for while this one
// computes, a share at each row of the pattern, so that memory is kept busy evenly.
class InputAhead {
 public:
  // `steps` calls of step() ask for everything that the tile at `in` reads of one image block.
  InputAhead(const NewPixels& pixels, const float* in, std::int64_t steps)
      : pixels_(pixels),
        row_(in + pixels.corner),
        left_(std::int64_t{pixels.channels} * pixels.rows),
        share_((left_ + steps - 1) / steps) {}

  void step() {
    for (std::int64_t i = 0; i < share_ && left_ > 0; ++i, --left_) {
      for (int x = 0; x < pixels_.columns; ++x) __builtin_prefetch(row_ + x * kLanes, 0, 2);
      row_ += pixels_.row;
      if (++y_ == pixels_.rows) {
        y_ = 0;
        row_ += pixels_.channel - pixels_.rows * pixels_.row;
      }
    }
  }

 private:
  NewPixels pixels_;
  const float* row_;
  std::int64_t left_, share_;  // rows of pixels
  int y_ = 0;
};

// function<B, R, C, Step>::run for a shape and a step between pixels: 1 or 2 at compile time, or 0
// for any. Function is to have a name of its own: GCC 12 takes functions made of templates of the
// same name for one another, even where these are in unnamed namespaces of different files.
template <template <int, int, int, int> class Function, std::size_t... I>
auto tile_function(int shape, std::int64_t step, std::index_sequence<I...>) {
  using Pointer = decltype(&Function<1, 1, 1, 1>::run);
  constexpr Pointer any[] = {
      &Function<kTileShapes[I].blocks, kTileShapes[I].rows, kTileShapes[I].columns, 0>::run...};
  constexpr Pointer one[] = {
      &Function<kTileShapes[I].blocks, kTileShapes[I].rows, kTileShapes[I].columns, 1>::run...};
  constexpr Pointer two[] = {
      &Function<kTileShapes[I].blocks, kTileShapes[I].rows, kTileShapes[I].columns, 2>::run...};
  return step == kLanes ? one[shape] : step == 2 * kLanes ? two[shape] : any[shape];
}
template <template <int, int, int, int> class Function>
auto tile_function(int shape, std::int64_t step) {
  return tile_function<Function>(shape, step, std::make_index_sequence<kTileShapes.size()>());
}

}  // namespace espalier
