// Pooling over windows and over whole planes, and the step from images to features.
#pragma once

#include "core/tensor.h"

namespace espalier {

struct PoolOptions {
  int kernel = 2;
  int stride = 0;   // 0: as the kernel
  int padding = 0;  // at most half the kernel
};

// x [N, C, H, W] -> [N, C, (H + 2 padding - kernel) / stride + 1, likewise W]. Where a window holds
// several maxima the first in row order takes the gradient; the padding never wins.
Tensor max_pool2d(const Tensor& x, const PoolOptions& options = {});
// The padding counts in the mean, as in PyTorch's default.
Tensor avg_pool2d(const Tensor& x, const PoolOptions& options = {});
Tensor global_avg_pool(const Tensor& x);  // [N, C, H, W] -> [N, C, 1, 1]

// [N, C, H, W] -> [N, C H W]: channel c becomes the features c H W ... (c + 1) H W - 1.
Tensor flatten(const Tensor& x);

}  // namespace espalier
