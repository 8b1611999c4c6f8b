// Convolution with a sparse weight: its time is in proportion to the weights that are left.
#pragma once

#include "core/ops/conv.h"
#include "core/sparse_pattern.h"

namespace espalier {

// As conv2d(x, scatter(values, pattern), bias, options), for a pattern of shape [O, C, KH, KW] and
// values [nonzero]. The gradient of the values is that of the dense weight at their positions.
Tensor sparse_conv2d(const Tensor& x, const Tensor& values, const Pattern& pattern,
                     const Tensor& bias = {}, const ConvOptions& options = {});

}  // namespace espalier
