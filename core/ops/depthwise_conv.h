// Depthwise convolution: as many groups as channels.
#pragma once

#include "core/ops/conv.h"

namespace espalier {

// What conv2d() does where each group has one channel and the weight is dense.
Tensor depthwise_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvOptions& options);

}  // namespace espalier
