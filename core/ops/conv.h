// Two-dimensional convolution (cross-correlation, as every framework means it).
#pragma once

#include "core/ops/layout.h"
#include "core/ops/relu_limit.h"
#include "core/ops/sides.h"
#include "core/tensor.h"

namespace espalier {

struct ConvOptions {
  Pair stride = 1;
  Sides padding = 0;  // zeros around the image
  Pair dilation = 1;  // pixels from one tap of the kernel to the next
  int groups = 1;     // as many groups of channels, each convolved by itself
  // What follows is done while the output is still in registers; the result is the same as that of
  // relu() and max_pool2d(.., {2}) after the convolution.
  bool relu = false;
  float relu_limit = kNoLimit;  // values above it become it; only where nothing is recorded
  bool max_pool = false;  // 2x2 windows, stride 2; needs relu and an even output height and width
  // Added to the output before ReLU, where there is one: a residual's other path, of the output's
  // shape. Only where nothing is recorded, and without max_pool.
  Tensor addend = {};
  // Zeroed pixels around each plane of the result, unless a pass of its own pools it.
  int halo = kDefaultHalo;
};

// x [N, C, H, W], weight [O, C / groups, KH, KW], bias [O] or not defined -> [N, O, H', W'] with
// H' = (H + top + bottom - dilation (KH - 1) - 1) / stride + 1 and W' likewise, halved by max_pool.
// An error names the shapes where they do not fit.
//
// Depthwise convolutions, of which each group has one channel, have kernels of their own; with
// other groups or a dilation those for sparse weights run, which take any taps.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const ConvOptions& options = {});

}  // namespace espalier
