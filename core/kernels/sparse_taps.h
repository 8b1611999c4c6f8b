// Taps: the nonzero weights of a sparse convolution as its kernels read them, row by row of the
// output, each with the distance in memory from a position to the pixel that it weighs.
//
// Input channels are split into parts, and a kernel goes through all rows of one part before it
// goes on to the next: what a tile of positions reads of a part stays in the first-level cache.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/sparse_pattern.h"

namespace espalier {

struct Tap {
  float weight[1];
  std::int32_t offset;  // in floats, from the input pixel at the position times the stride
};

// The same for four neighbouring rows that have their weights at the same columns.
struct TapOfFour {
  float weight[4];
  std::int32_t offset;
};
bool in_fours(const SparsePattern& pattern);

// Which taps are taken from a pattern, and the strides of the planes that they read.
struct TapGeometry {
  // Forward, rows are output channels. Transposed they are input channels and the planes those of
  // the output's gradient; with a stride, taps belong to one of stride^2 phases of input pixels.
  bool transposed = false;
  int groups = 1;  // rows of the pattern see the channels of their own group
  int stride_y = 1, stride_x = 1, top = 0, left = 0, dilation_y = 1, dilation_x = 1;
  int phase_y = 0, phase_x = 0;
  std::int64_t channel = 0, row = 0, pixel = 0;  // in floats
  int part_channels = 1;                         // of each part but the last

  friend bool operator==(const TapGeometry&, const TapGeometry&) = default;
};

// Kernels read so many taps ahead of the one that they work on.
inline constexpr int kTapsBeyond = 2;

// The order of the taps, [part][row][channel][ky][kx], without their weights.
struct TapOrder {
  TapOrder(const SparsePattern& pattern, const TapGeometry& geometry);
  // Taps of row r are those from starts(part)[r] up to starts(part)[r + 1].
  const std::uint32_t* starts(int part) const {
    return starts_.data() + static_cast<std::int64_t>(part) * (rows + 1);
  }
  std::int64_t count() const { return static_cast<std::int64_t>(positions.size()); }

  int rows, part_channels, parts;
  std::vector<std::int32_t> offsets;     // and kTapsBeyond more
  std::vector<std::uint32_t> positions;  // in the pattern

 private:
  std::vector<std::uint32_t> starts_;  // [parts][rows + 1]
};

// The order for a pattern, made once and kept with it.
std::shared_ptr<const TapOrder> tap_order(const SparsePattern& pattern,
                                          const TapGeometry& geometry);

// Taps in the memory of a tensor.
inline const Tap* taps_of(const Tensor& packed) {
  return reinterpret_cast<const Tap*>(packed.data());
}
// The taps in their order, in the memory of a tensor, and some that weigh nothing behind them.
Tensor pack_taps(const TapOrder& order, const Tensor& values);
// For patterns in fours: the taps of row r begin at a quarter of starts(part)[r].
Tensor pack_fours(const TapOrder& order, const Tensor& values);

}  // namespace espalier
