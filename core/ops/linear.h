// The fully connected layer.
#pragma once

#include "core/tensor.h"

namespace espalier {

// x [N, I], weight [O, I], bias [O] or not defined -> x weight^T + bias, [N, O] in lanes.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace espalier
