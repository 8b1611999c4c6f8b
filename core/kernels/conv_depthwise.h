// Depthwise convolution on tensors in lanes: each plane of the output sees one plane of the input.
// A plane of a block of images fits into the first-level cache, so that the kernels go through the
// planes one after the other, forward and back.
#pragma once

#include <cstdint>

#include "core/kernels/conv.h"
#include "core/ops/sides.h"

namespace espalier {

// Output plane o sees input plane o / each, where there are `each` times as many.
struct DepthwiseShape {
  int kernel_h, kernel_w, each;
  Pair stride, dilation;
  int top, left;  // padding, which the halo of the input holds
};

struct DepthwisePass {
  DepthwiseShape shape;
  Planes in, out;
  const float* weights;           // [O][KH][KW]
  const float* bias;              // one an output channel, or null
  const float* addend = nullptr;  // as in ConvPass
  bool relu = false;
  float relu_limit = kNoLimit;
};
void run(const DepthwisePass& pass);

// Of tensors with all lanes. The gradient is not pooled.
struct DepthwiseGradientPass {
  DepthwiseShape shape;
  OutputGradient gradient;
  Planes in;
  const float* weights;
  Planes dx;  // its data is null where not wanted
  bool dx_add;
  float *dw, *dbias;  // null where not wanted
  bool dw_add, dbias_add;
};
void run(const DepthwiseGradientPass& pass);

}  // namespace espalier
