// The fully connected layer with a sparse weight.
#pragma once

#include "core/sparse_pattern.h"

namespace espalier {

// x [N, I] -> x weight^T + bias [O], [N, O]; the weight [O, I] has `values` [nonzero] at the
// pattern's positions and zeros elsewhere. The bias may be undefined (none). The gradient of the
// values is computed at these positions alone.
Tensor sparse_linear(const Tensor& x, const Tensor& values, const Pattern& pattern,
                     const Tensor& bias = {});

}  // namespace espalier
