// Convolution kernels on tensors in lanes: what they are given, and the passes built from them.
//
// One letter a size, here and in the kernels: N images, C input channels, O output channels, H and
// W rows and columns, K taps a side, L lanes.
#pragma once

#include <cstdint>
#include <span>

#include "core/layout.h"
#include "core/ops/relu_limit.h"
#include "core/ops/sides.h"

namespace espalier {

// Output channels that a register tile takes at most: with four pixels, 16 (12) accumulators.
inline constexpr int tile_channels(int registers) { return registers == 32 ? 4 : 3; }

// O output channels split into tiles of nearly equal width, wide ones first, so that no tile is
// left with too few accumulators to hide the latency of a multiply-add: 13 = 4 + 3 + 3 + 3.
struct ChannelTiles {
  ChannelTiles(int channels, int most)
      : count((channels + most - 1) / most),
        widest((channels + count - 1) / count),
        wide_tiles(channels - count * (widest - 1)) {}
  int count, widest, wide_tiles;  // the others are one channel narrower
  int first(int tile) const { return tile * widest - (tile > wide_tiles ? tile - wide_tiles : 0); }
  int width(int tile) const { return tile < wide_tiles ? widest : widest - 1; }
};

// Whether 3x3 taps, with stride 1 and padding 1 on all sides, meet 2x2 pixels and the zeros around
// them. Five products in nine are then with zeros, and kernels that are told so leave them out.
inline bool meets_only_2x2(const Planes& in, int kernel_h, int kernel_w, int rows, int columns) {
  return in.height == 2 && in.width == 2 && kernel_h == 3 && kernel_w == 3 && rows == 2 &&
         columns == 2;
}

// What a pass reads: for the output position (y, x) the pixel at a fixed step from (y, x), and
// those that the other taps of the kernel lie away from it. Strides in floats.
struct ConvInput {
  // Position (0, 0) reads the pixel (row, column) at tap (0, 0).
  ConvInput(const Planes& planes, int row, int column, Pair stride, int kernel_h, int kernel_w)
      : in(planes.plane(0, 0) + row * planes.row_stride + column * planes.lanes),
        in_block(planes.block_stride),
        in_channel(planes.channel_stride),
        in_row(planes.row_stride),
        in_step_y(stride.y * planes.row_stride),
        in_step_x(std::int64_t{stride.x} * planes.lanes),
        channels(planes.channels),
        kernel_h(kernel_h),
        kernel_w(kernel_w) {}

  const float* in;  // tap (0, 0) of position (0, 0), block 0, channel 0
  std::int64_t in_block, in_channel, in_row;
  std::int64_t in_step_y, in_step_x;  // between neighbouring output positions
  int channels, kernel_h, kernel_w;
};

// Where a pass writes: position (y, x) goes to the pixel (row, column) + (y, x) stride.
struct ConvOutput {
  explicit ConvOutput(const Planes& planes, int row = 0, int column = 0, Pair stride = 1)
      : out(planes.plane(0, 0) + row * planes.row_stride + column * planes.lanes),
        out_block(planes.block_stride),
        out_channel(planes.channel_stride),
        out_step_y(stride.y * planes.row_stride),
        out_step_x(std::int64_t{stride.x} * planes.lanes) {}

  float* out;  // position (0, 0), block 0, channel 0
  std::int64_t out_block, out_channel, out_step_y, out_step_x;
};

// What is done to the sums while they are in registers.
struct Epilogue {
  const float* bias = nullptr;  // one an output channel
  // Added before ReLU: values laid out as the output, of position (0, 0) on. Not with max-pool.
  const float* addend = nullptr;
  bool relu = false;
  float relu_limit = kNoLimit;
};

// One pass of the direct kernel: each output position sums, over channels and taps, weights times
// the input. The forward pass is one such pass. The way back to the input is one for each of the
// stride^2 phases of the input's pixels.
struct ConvPass : ConvInput, ConvOutput, Epilogue {
  int blocks = 0, out_channels = 0, rows = 0, columns = 0;  // positions before pooling
  const float* weights = nullptr;                           // packed, see below
  bool add = false;  // add to what the output holds; then without a bias
  // Not null: 2x2 max-pool; [block][O][H / 2][W / 2][L] are written.
  std::uint8_t* argmax = nullptr;
  bool only_2x2 = false;  // as meets_only_2x2 finds it
  Planes halo_of = {};    // where its data is set, the halo of these planes is zeroed on the way
};
// Several passes over the same blocks and output channels that read the same input: piece by piece,
// so that it is read from the caches.
void run(std::span<const ConvPass> passes);

// argmax of a pooled window: 0-3 in row order, or that every value was cut off by ReLU.
inline constexpr std::uint8_t kDeadWindow = 4;

// Weights in the order in which the kernel reads them: [tile][C][KH][KW][channels of the tile].
// packed holds O C KH KW floats.
struct WeightView {
  const float* data;
  std::int64_t out_stride, in_stride, row_stride, column_stride;
};
void pack_weights(const WeightView& from, int out_channels, int channels, int kernel_h,
                  int kernel_w, float* packed);

// The gradient of an output as the way back finds it: as it is, or behind ReLU (y says where it
// passed), or behind ReLU and 2x2 max-pool (argmax says from where in the window it came).
struct OutputGradient {
  Planes dy;                             // of the output, pooled where argmax is set
  const float* y = nullptr;              // the output, laid out as dy
  const std::uint8_t* argmax = nullptr;  // as ConvPass wrote it
};

// dw[o][c][ky][kx] (+)= sum over images and positions of the gradient times the input at that tap.
// The same for the bias, whose input is 1.
struct WeightPass : ConvInput {
  OutputGradient gradient;
  int rows, columns;  // positions, before pooling

  float* dw;  // [O][C][KH][KW]; null where not wanted
  bool dw_add;
  const std::uint8_t* dw_mask;  // zeros are written where it is 0; null for none
  float* dbias;                 // [O]; null where not wanted
  bool dbias_add;

  bool only_2x2 = false;  // as meets_only_2x2 finds it
};
void run(const WeightPass& pass);

// Writes the gradient of the unpooled output, one block and channel, halo included.
void expand(const OutputGradient& gradient, std::int64_t block, std::int64_t channel,
            const Planes& to, std::int64_t to_block, std::int64_t to_channel);

// The forward pass where each image is a block of its own (one lane): pixels lie in the vectors, at
// any alignment. Weights are packed as for ConvPass; planes may have any halo that holds the
// padding.
struct SmallConvPass : Epilogue {
  Planes in = {}, out = {};
  int kernel_h = 0, kernel_w = 0;
  Pair stride = 1;
  int top = 0, left = 0;  // padding
  const float* weights = nullptr;
};
void run(const SmallConvPass& pass);

}  // namespace espalier
