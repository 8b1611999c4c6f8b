// Shapes of convolutional layers.
#include "layers/conv_shape.h"

#include "core/error.h"
#include "layers/norm.h"

namespace espalier::layers {

void check_conv_options(const char* type, std::int64_t in, std::int64_t out,
                        const Conv2dOptions& options) {
  check(in > 0 && out > 0, type, ": found ", in, " input and ", out,
        " output channels, expected at least one of each");
  check(options.kernel > 0 && options.stride > 0 && options.padding >= 0, type, ": found kernel ",
        options.kernel, ", stride ", options.stride, ", padding ", options.padding,
        ", expected a positive kernel and stride and no negative padding");
}

Shape conv_output_shape(const Module& layer, std::int64_t in_channels, std::int64_t out_channels,
                        const Conv2dOptions& options, const Shape& input) {
  if (input.rank() != 4) [[unlikely]]
    fail(layer.label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
  if (input[1] != in_channels) [[unlikely]]
    fail(layer.label(), ": found ", input[1], " input channels, expected ", in_channels);
  const std::int64_t height = input[2] + 2 * options.padding - options.kernel;
  const std::int64_t width = input[3] + 2 * options.padding - options.kernel;
  if (height < 0 || width < 0) [[unlikely]]
    fail(layer.label(), ": found an image of ", input[2], "x", input[3], " with padding ",
         options.padding, ", expected at least the kernel's ", options.kernel, "x", options.kernel);
  return {input[0], out_channels, height / options.stride + 1, width / options.stride + 1};
}

bool conv_fuses(const Epilogue& epilogue, const Shape& output) {
  if (epilogue.addend && epilogue.max_pool) return false;
  if (epilogue.norm && !(epilogue.norm->channels == output[1] && epilogue.norm->weight.defined()))
    return false;
  return !epilogue.max_pool || (epilogue.relu && output[2] % 2 == 0 && output[3] % 2 == 0);
}

}  // namespace espalier::layers
