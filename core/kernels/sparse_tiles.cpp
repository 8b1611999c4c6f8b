// The choice of a tile's shape, and how much of a layer's input fits beside it.
#include "core/kernels/sparse_tiles.h"

namespace espalier {
namespace {

int pieces(int count, int of) { return (count + of - 1) / of; }

// Cycles of one tap over all positions, about: two multiply-adds a cycle, where there are enough
// of them to hide the latency of each, and one more for the loop.
double cost(const TileShape& s, int blocks, int rows, int columns) {
  const double tiles = static_cast<double>(pieces(blocks, s.blocks)) * pieces(rows, s.rows) *
                       pieces(columns, s.columns);
  return tiles * (std::max(s.vectors() * 0.5, 4.0) + 1);
}

}  // namespace

TileGrid::TileGrid(int blocks, int rows, int columns, bool pooled, int vectors)
    : blocks(blocks), rows(rows), columns(columns) {
  double least = 1e300;
  for (std::size_t i = 0; i < kTileShapes.size(); ++i) {
    const TileShape& s = kTileShapes[i];
    if (s.blocks > blocks || s.rows > rows || s.columns > columns) continue;
    if (vectors && s.vectors() != vectors) continue;
    if (pooled && (s.rows % 2 || s.columns % 2)) continue;
    const double here = cost(s, blocks, rows, columns);
    if (here >= least) continue;
    least = here;
    shape_index = static_cast<int>(i);
  }
  if (!has_shape()) return;
  groups = pieces(blocks, shape().blocks);
  down = pieces(rows, shape().rows);
  across = pieces(columns, shape().columns);
}

int part_channels(const TileGrid& grid, const Planes& in, Pair stride, int kernel_h, int kernel_w) {
  constexpr int kLine = 64, kSets = 64, kWays = 10;  // two of twelve are left to everything else
  const TileShape& shape = grid.shape();
  const int rows = (shape.rows - 1) * stride.y + kernel_h;
  const std::int64_t columns = (shape.columns - 1) * stride.x + kernel_w;
  int used[kSets] = {};
  const auto fits = [&](std::int64_t c) {
    for (int b = 0; b < shape.blocks; ++b)
      for (int y = 0; y < rows; ++y) {
        const std::int64_t first =
            (c * in.channel_stride + b * in.block_stride + y * in.row_stride) * 4;
        const std::int64_t end = first + columns * kLanes * 4;
        for (std::int64_t line = first / kLine; line * kLine < end; ++line)
          if (++used[line % kSets] > kWays) return false;
      }
    return true;
  };
  int most = 0;
  while (most < in.channels && fits(most)) ++most;
  most = std::max(most, 1);
  const int parts = (in.channels + most - 1) / most;
  return (in.channels + parts - 1) / parts;
}

}  // namespace espalier
