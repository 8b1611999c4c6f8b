// A factor for each channel: images in lanes [N, C, H, W] times a gate [N, C, 1, 1].
#pragma once

#include "core/tensor.h"

namespace espalier {

bool gates(const Tensor& x, const Tensor& gate);  // whether they are such a pair
Tensor gate(const Tensor& x, const Tensor& gate);

}  // namespace espalier
