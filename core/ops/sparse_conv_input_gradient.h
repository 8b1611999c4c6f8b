// The way back of a sparse convolution to its input.
#pragma once

#include "core/kernels/sparse_conv.h"
#include "core/ops/conv_sizes.h"
#include "core/sparse_pattern.h"

namespace espalier {

// dx (+)= the output gradient through the transposed convolution; dx is written whole, halo
// included.
void sparse_conv_input_gradient(const OutputGradient& gradient, const Tensor& values,
                                const SparsePattern& pattern, const Planes& dx, bool add,
                                const ConvOptions& options, const ConvSizes& sizes);

// The most channels of a part that leave what a tile reads of it in the first-level cache, evened
// out over the parts.
int part_channels(const TileGrid& grid, const Planes& in, const ConvOptions& options, int kernel_h,
                  int kernel_w);

}  // namespace espalier
