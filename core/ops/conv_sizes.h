// What dense and sparse convolutions share: the sizes, their checks, and the input as the kernels
// take it.
#pragma once

#include <cstdint>

#include "core/ops/conv.h"

namespace espalier {

// The sizes of one convolution.
struct ConvSizes {
  int channels, out_channels;             // channels: of the input
  int kernel_h, kernel_w, rows, columns;  // rows, columns: before pooling
};
// `operation` begins the message where they do not fit.
ConvSizes conv_sizes(const char* operation, const Tensor& x, const Shape& weight,
                     const Tensor& bias, const ConvOptions& options);

// Images in lanes with a halo that holds the padding, and all lanes where the tape is on.
Tensor conv_input(const Tensor& given, const Sides& padding);

// The options' addend in the output's layout; not defined where there is none.
Tensor conv_addend(const ConvOptions& options, const Layout& layout);

// What the options ask for behind a convolution of single images, which does no more than ReLU, and
// that only where nothing is added before it.
Tensor after_small_conv(const Tensor& y, const ConvOptions& options);

}  // namespace espalier
