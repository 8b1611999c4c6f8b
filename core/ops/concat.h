// Concatenation of channels or features.
#pragma once

#include <span>

#include "core/tensor.h"

namespace espalier {

// [N, C1, H, W], [N, C2, H, W], ... -> [N, C1 + C2 + ..., H, W], or [N, F1], [N, F2], ... ->
// [N, F1 + F2 + ...].
Tensor concat(std::span<const Tensor> parts);

}  // namespace espalier
