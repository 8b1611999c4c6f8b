// Sparse convolution kernels on tensors in lanes: work in proportion to the nonzero weights.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/kernels/sparse_ahead.h"
#include "core/kernels/sparse_taps.h"
#include "core/kernels/sparse_tiles.h"

namespace espalier {

// One pass: output position (y, x) of row o sums the taps of o times the input at a fixed step from
// (y, x). The forward pass is one; the way back to the input is one for each phase of its pixels.
struct SparsePass {
  TileGrid grid;    // of positions, before pooling
  const float* in;  // where taps of offset 0 read for position (0, 0) of block 0
  std::int64_t in_block, in_step_y, in_step_x;

  float* out;  // position (0, 0), block 0, row 0
  std::int64_t out_block, out_channel, out_step_y, out_step_x;

  const TapOrder* order;
  const Tap* taps = nullptr;
  const TapOfFour* fours = nullptr;  // in place of taps: four rows at once, on tiles of four
  const float* bias = nullptr;       // one a row
  bool add = false;                  // add to what the output holds
  const float* addend = nullptr;     // as in ConvPass
  bool relu = false;
  float relu_limit = kNoLimit;
  bool pool = false;               // 2x2 max-pool behind relu
  std::uint8_t* argmax = nullptr;  // as in ConvPass, where wanted

  NewPixels fresh = {};  // asked for ahead
  Planes halo_of = {};   // where its data is set, the halo of these planes is zeroed on the way
};
void run(const SparsePass& pass);

// d values (+)= sum over images and positions of the gradient times the input at each tap. The same
// for the bias, whose input is 1.
struct SparseWeightPass {
  TileGrid grid;
  const float* in;  // as in SparsePass
  std::int64_t in_block, in_step_y, in_step_x;
  const TapOrder* order;
  NewPixels fresh = {};  // asked for ahead

  OutputGradient gradient;

  float* dvalues;  // null where not wanted
  bool dvalues_add;
  float* dbias;  // null where not wanted
  bool dbias_add;
};
void run(const SparseWeightPass& pass);

// The forward pass where each image is a block of its own (one lane), with pixels in the vectors.
// Of the dense pass everything but the weights counts; offsets are those of planes of one lane.
struct SparseSmallPass {
  SmallConvPass conv;
  const TapOrder* order;  // of one part
  const Tap* taps;
};
void run(const SparseSmallPass& pass);

}  // namespace espalier
