// The way back of a convolution to its input, through dense weights and sparse ones.
#pragma once

#include "core/kernels/sparse_conv.h"
#include "core/ops/conv_sizes.h"
#include "core/sparse_pattern.h"

namespace espalier {

// dx (+)= the gradient of the input, halo and padding lanes (zeros) included: dx is written whole.
void conv_input_gradient(const OutputGradient& gradient, const Tensor& weight, const Planes& dx,
                         bool add, const ConvOptions& options, const ConvSizes& sizes);
void sparse_conv_input_gradient(const OutputGradient& gradient, const Tensor& values,
                                const SparsePattern& pattern, const Planes& dx, bool add,
                                const ConvOptions& options, const ConvSizes& sizes);

}  // namespace espalier
