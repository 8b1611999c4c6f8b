// A chunk of the output gradient of a convolution, gathered for the weight gradient: some positions
// of some images, the channels of one tile side by side, seen through ReLU and pooling.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/simd.h"

namespace espalier {

// How the positions of a batch are cut into chunks: so many rows, of one image block or several.
struct ChunkPlan {
  // A position takes so many pixels: of the gradient's channels in a tile, and of the input.
  ChunkPlan(const OutputGradient& gradient, int rows, int columns, int position_pixels);
  // Where each position of the chunk lies in a tensor with these strides. The last chunk may be
  // shorter; the entries beyond it repeat its last row.
  void offsets(int chunk, std::int64_t block, std::int64_t step_y, std::int64_t step_x,
               std::int64_t* at) const;

  int rows, columns;  // positions of one image block
  int chunk_rows;     // even where a pooling window spans two
  int count;          // chunks
  int positions;      // the most that a chunk holds
  std::int64_t total_rows;
};

// A row of a channel's gradient, as it lies in memory.
struct GradientRow {
  const float* dy;
  const float* y;              // the output, where ReLU is to be seen through
  const std::uint8_t* argmax;  // of pooling windows

  void move(const Planes& planes, int channels) {
    dy += channels * planes.channel_stride;
    if (y) y += channels * planes.channel_stride;
    if (argmax) argmax += std::int64_t{channels} * planes.height * planes.width * kLanes;
  }
};
// `row` counts the rows of dy: those of windows where there is pooling.
GradientRow row_at(const OutputGradient& gradient, std::int64_t block, std::int64_t channel,
                   int row);

// Writes [position][places][L] of one chunk, the first `channels` places from channel `first` on,
// and adds the vectors of each channel to sums[channels][L] where that is wanted. Asks for the next
// chunk on the way, or, where there is one only, for the channels `channels_after` further on.
// Returns the number of positions.
int gather(const ChunkPlan& plan, const OutputGradient& gradient, int chunk, int first,
           int channels, int places, int channels_after, float* to, float* sums);

}  // namespace espalier
