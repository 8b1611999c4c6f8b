// Pooling over windows and over whole planes, and the step from images to features.
#pragma once

#include <string>

#include "core/ops/sides.h"
#include "core/tensor.h"

namespace espalier {

struct PoolOptions {
  Pair kernel = 2;
  Pair stride = 0;                // 0: as the kernel
  Sides padding = 0;              // less than the kernel
  bool ceil_mode = false;         // windows that begin in the image or before it, but end behind it
  bool count_include_pad = true;  // of a mean: whether the padding counts
};

// x [N, C, H, W] -> [N, C, (H + top + bottom - kernel) / stride + 1, likewise W], rounded up with
// ceil_mode. Where a window holds several maxima the first in row order takes the gradient; the
// padding never wins.
Tensor max_pool2d(const Tensor& x, const PoolOptions& options = {});
// What lies behind the padding, with ceil_mode, counts in no mean, as in PyTorch.
Tensor avg_pool2d(const Tensor& x, const PoolOptions& options = {});
// The shape that both give. `owner` begins the message where the sizes do not fit.
Shape pooled_shape(const std::string& owner, const Shape& images, const PoolOptions& options);
Tensor global_avg_pool(const Tensor& x);  // [N, C, H, W] -> [N, C, 1, 1]

// [N, C, H, W] -> [N, C H W]: channel c becomes the features c H W ... (c + 1) H W - 1.
Tensor flatten(const Tensor& x);

}  // namespace espalier
