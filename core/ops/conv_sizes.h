// What dense and sparse convolutions share: the sizes, their checks, the input as the kernels take
// it, and the output with what is kept of it for the way back.
#pragma once

#include "core/kernels/sparse_conv.h"
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

// The output of a convolution of this input, pooled where the options ask for it and images are in
// lanes; uninitialised.
Tensor conv_output(const Tensor& x, const ConvSizes& sizes, const ConvOptions& options);

// The options' addend in the output's layout; not defined where there is none.
Tensor conv_addend(const ConvOptions& options, const Layout& layout);
Epilogue conv_epilogue(const Tensor& bias, const Tensor& addend, const ConvOptions& options);

// Where the maxima of pooled windows came from: a byte for each, in the memory of a tensor.
Tensor empty_argmax(const Planes& pooled);
std::uint8_t* argmax_bytes(Tensor& argmax);  // null where it is not defined

// What the way back needs of the output: its values without its node, which would hold itself.
struct ConvRecord {
  ConvRecord(const Tensor& y, const Tensor& argmax, const ConvOptions& options)
      : y(options.relu && !options.max_pool ? y.detach() : Tensor()), argmax(argmax) {}
  OutputGradient gradient(const Tensor& dy) const;
  Tensor y, argmax;
};

// A convolution of single images, without weights yet, and what the options ask for behind it: it
// does no more than ReLU, and that only where nothing is added before.
SmallConvPass small_conv_pass(const Tensor& x, const Tensor& y, const Tensor& bias,
                              const ConvSizes& sizes, const ConvOptions& options);
Tensor after_small_conv(const Tensor& y, const ConvOptions& options);

// Of the taps that the forward pass takes, of all channels in one part: with groups a row sees few
// of them.
TapGeometry tap_geometry(const Planes& in, const ConvOptions& options);

}  // namespace espalier
