// Two-dimensional convolution (cross-correlation, as every framework means it).
#pragma once

#include "core/tensor.h"

namespace espalier {

struct ConvOptions {
  int stride = 1;
  int padding = 0;  // zeros around the image
  // What follows is done while the output is still in registers; the result is the same as that of
  // relu() and max_pool2d(.., {2}) after the convolution.
  bool relu = false;
  bool max_pool = false;  // 2x2 windows, stride 2; needs relu and an even output height and width
  // Added to the output before ReLU, where there is one: a residual's other path, of the output's
  // shape. Only where nothing is recorded, and without max_pool.
  Tensor addend = {};
};

// x [N, C, H, W], weight [O, C, KH, KW], bias [O] or not defined
//   -> [N, O, (H + 2 padding - KH) / stride + 1, (W + 2 padding - KW) / stride + 1], halved by
// max_pool. An error names the shapes where they do not fit.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const ConvOptions& options = {});

}  // namespace espalier
