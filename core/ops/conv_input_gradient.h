// The way back of a convolution to its input.
#pragma once

#include "core/kernels/conv.h"
#include "core/ops/conv.h"

namespace espalier {

// dx (+)= the gradient of the input, halo and padding lanes (zeros) included. rows and columns are
// those of the output before pooling.
void conv_input_gradient(const OutputGradient& gradient, const Tensor& weight, const Planes& dx,
                         bool add, const ConvOptions& options, int rows, int columns);

}  // namespace espalier
