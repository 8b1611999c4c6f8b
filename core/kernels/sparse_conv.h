// Sparse convolution kernels on tensors in lanes: work in proportion to the nonzero weights.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/kernels/sparse_taps.h"
#include "core/kernels/sparse_tiles.h"

namespace espalier {

// One pass: output position (y, x) of row o sums the taps of o times the input at a fixed step from
// (y, x). The forward pass is one; the way back to the input is one for each phase of its pixels.
// Taps carry the padding in their offsets: position (0, 0) reads from pixel (0, 0).
struct SparsePass : ConvInput, ConvOutput, Epilogue {
  TileGrid grid;  // of positions, before pooling
  const TapOrder* order;
  const Tap* taps = nullptr;
  const TapOfFour* fours = nullptr;  // in place of taps: four rows at once, on tiles of four
  bool add = false;                  // add to what the output holds
  bool pool = false;                 // 2x2 max-pool behind relu
  std::uint8_t* argmax = nullptr;    // as in ConvPass, where wanted

  NewPixels fresh = {};  // asked for ahead
  Planes halo_of = {};   // where its data is set, the halo of these planes is zeroed on the way
};
void run(const SparsePass& pass);

// d values (+)= sum over images and positions of the gradient times the input at each tap. The same
// for the bias, whose input is 1.
struct SparseWeightPass : ConvInput {  // which reads as SparsePass does
  TileGrid grid;
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
struct SparseSmallPass : SmallConvPass {
  const TapOrder* order;  // of one part
  const Tap* taps;
};
void run(const SparseSmallPass& pass);

}  // namespace espalier
