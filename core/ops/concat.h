// Concatenation of channels or features.
#pragma once

#include <span>
#include <string>

#include "core/tensor.h"

namespace espalier {

// [N, C1, H, W], [N, C2, H, W], ... -> [N, C1 + C2 + ..., H, W], or [N, F1], [N, F2], ... ->
// [N, F1 + F2 + ...].
Tensor concat(std::span<const Tensor> parts);

// The shape of the result. `owner` begins the message where the parts do not fit.
Shape concat_shape(const std::string& owner, std::span<const Shape> parts);

}  // namespace espalier
