// What the options of a convolutional layer make of its sizes, its weight dense or sparse.
#pragma once

#include "layers/conv.h"
#include "layers/fusion.h"

namespace espalier::layers {

// Errors name the layer, or the kind of layer.
void check_conv_options(const char* type, std::int64_t in_channels, std::int64_t out_channels,
                        const Conv2dOptions& options);
// [N, in_channels, H, W] -> [N, out_channels, H', W'].
Shape conv_output_shape(const Module& layer, std::int64_t in_channels, std::int64_t out_channels,
                        const Conv2dOptions& options, const Shape& input);
// Whether a pass over an output of this shape can do all of this.
bool conv_fuses(const Epilogue& epilogue, const Shape& output);

}  // namespace espalier::layers
