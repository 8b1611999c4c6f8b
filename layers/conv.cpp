// Conv2d: options, shapes, and the call of the operation.
#include "layers/conv.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "layers/folded.h"
#include "layers/norm.h"

namespace espalier::layers {

Conv2d::Conv2d(std::int64_t in, std::int64_t out, const Conv2dOptions& given)
    : in_channels(in), out_channels(out), options(given) {
  check_options();
}

void Conv2d::check_options() const {
  const std::int64_t in = in_channels, out = out_channels;
  check(in > 0 && out > 0, "Conv2d: found ", in, " input and ", out,
        " output channels, expected at least one of each");
  const auto& [kernel, stride, padding, dilation, groups, bias] = options;
  const int least = std::min({kernel.y, kernel.x, stride.y, stride.x, dilation.y, dilation.x});
  check(least > 0 && std::min({padding.top, padding.left, padding.bottom, padding.right}) >= 0,
        "Conv2d: found kernel ", kernel.y, "x", kernel.x, ", stride ", stride.y, "x", stride.x,
        ", dilation ", dilation.y, "x", dilation.x, " and padding ", padding.top, ", ",
        padding.left, ", ", padding.bottom, ", ", padding.right,
        ", expected a positive kernel, stride and dilation and no negative padding");
  check(groups > 0 && in % groups == 0 && out % groups == 0, "Conv2d: found ", groups,
        " groups of ", in, " input and ", out, " output channels, expected a divisor of both");
}

void Conv2d::describe(Options& all) {
  all.integer("in_channels", in_channels, 1, kMaxChannels);
  all.integer("out_channels", out_channels, 1, kMaxChannels);
  all.pair("kernel", options.kernel, 1, kMaxKernel);
  all.pair("stride", options.stride, 1, kMaxKernel);
  all.sides("padding", options.padding, 0, kMaxKernel);
  if (all.unusual("dilation", options.dilation, Pair(1)))
    all.pair("dilation", options.dilation, 1, kMaxKernel);
  if (all.unusual("groups", options.groups, 1))
    all.integer("groups", options.groups, 1, kMaxChannels);
  all.flag("bias", options.bias);
  check_options();
}

Shape Conv2d::output_shape(const Shape& input) const {
  if (input.rank() != 4) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
  if (input[1] != in_channels) [[unlikely]]
    fail(label(), ": found ", input[1], " input channels, expected ", in_channels);
  const auto& [kernel, stride, padding, dilation, groups, bias] = options;
  const std::int64_t window_h = std::int64_t{dilation.y} * (kernel.y - 1) + 1;
  const std::int64_t window_w = std::int64_t{dilation.x} * (kernel.x - 1) + 1;
  const std::int64_t height = input[2] + padding.top + padding.bottom;
  const std::int64_t width = input[3] + padding.left + padding.right;
  if (height < window_h || width < window_w) [[unlikely]]
    fail(label(), ": found an image of ", input[2], "x", input[3], ", with its padding ", height,
         "x", width, ", expected at least the kernel's ", window_h, "x", window_w);
  return {input[0], out_channels, (height - window_h) / stride.y + 1,
          (width - window_w) / stride.x + 1};
}

bool Conv2d::fuses(const Epilogue& epilogue, const Shape& input) const {
  if (epilogue.addend && epilogue.max_pool) return false;
  if (epilogue.relu_limit < kNoLimit && (epilogue.max_pool || grad_enabled())) return false;
  if (epilogue.norm &&
      !(epilogue.norm->norm().channels == out_channels && epilogue.norm->norm().weight.defined()))
    return false;
  const Shape output = output_shape(input);
  return !epilogue.max_pool || (epilogue.relu && output[2] % 2 == 0 && output[3] % 2 == 0);
}

int Conv2d::input_halo() const {
  const Sides& padding = options.padding;
  return std::max({padding.top, padding.left, padding.bottom, padding.right});
}

Tensor Conv2d::forward_fused(const Tensor& x, const Epilogue& epilogue) {
  expect_weight();
  // The way back to the input reads the neighbours of each pixel in the gradient of the output.
  const bool neighbours = grad_enabled() && options.kernel != Pair(1);
  const ConvOptions pass{.stride = options.stride,
                         .padding = options.padding,
                         .dilation = options.dilation,
                         .groups = options.groups,
                         .relu = epilogue.relu,
                         .relu_limit = epilogue.relu_limit,
                         .max_pool = epilogue.max_pool,
                         .addend = epilogue.addend ? *epilogue.addend : Tensor(),
                         .halo = std::max(epilogue.halo, neighbours ? kDefaultHalo : 0)};
  if (!epilogue.norm) return conv2d(x, weight, bias, pass);
  const Folded::Weights folded = epilogue.norm->with(weight, bias);
  return conv2d(x, folded.weight, folded.bias, pass);
}

Product Conv2d::product() {
  return {.weight = weight,
          .bias = bias,
          .has_bias = options.bias,
          .padded = options.padding != Sides(0),
          .groups = options.groups};
}

Shape Conv2d::weight_shape() const {
  return {out_channels, in_channels / options.groups, options.kernel.y, options.kernel.x};
}

// Channels of a depthwise convolution go with their groups, those of another one from each group.
void Conv2d::take_sizes() {
  const std::int64_t outputs_of_group = out_channels / options.groups;
  const bool depthwise = options.groups > 1 && options.groups == in_channels;
  out_channels = weight.dense_shape()[0];
  if (depthwise) options.groups = static_cast<int>(out_channels / outputs_of_group);
  in_channels = weight.dense_shape()[1] * options.groups;
}

}  // namespace espalier::layers
