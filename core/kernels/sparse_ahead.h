// What the next tile will read of the input and this one did not: asked for while this one
// computes, a share at each row of the pattern, so that memory is kept busy evenly.
#pragma once

#include <cstdint>

#include "core/kernels/sparse_tiles.h"
#include "core/simd.h"

namespace espalier {

// The pixels that a tile reads and its neighbours to the left and above have not, as a rectangle
// that begins so far from the tile's first position; strides in floats.
struct NewPixels {
  std::int64_t corner = 0, channel = 0, row = 0;
  int channels = 0, rows = 0, columns = 0;
};

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

}  // namespace espalier
