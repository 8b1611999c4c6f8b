// Conv2d: options, shapes, and the call of the operation.
#include "layers/conv.h"

#include "core/error.h"
#include "core/ops/conv.h"
#include "layers/init.h"
#include "layers/norm.h"

namespace espalier::layers {

Conv2d::Conv2d(std::int64_t in, std::int64_t out, const Conv2dOptions& given)
    : in_channels(in), out_channels(out), options(given) {
  check(in > 0 && out > 0, "Conv2d: found ", in, " input and ", out,
        " output channels, expected at least one of each");
  check(options.kernel > 0 && options.stride > 0 && options.padding >= 0, "Conv2d: found kernel ",
        options.kernel, ", stride ", options.stride, ", padding ", options.padding,
        ", expected a positive kernel and stride and no negative padding");
}

Conv2d::Conv2d(const Config& config)
    : Conv2d(config.integer("in_channels", 1, kMaxChannels),
             config.integer("out_channels", 1, kMaxChannels),
             {.kernel = static_cast<int>(config.integer("kernel", 1, kMaxKernel)),
              .stride = static_cast<int>(config.integer("stride", 1, kMaxKernel)),
              .padding = static_cast<int>(config.integer("padding", 0, kMaxKernel)),
              .bias = config.flag("bias")}) {}

Config Conv2d::config() const {
  return Config()
      .set("in_channels", in_channels)
      .set("out_channels", out_channels)
      .set("kernel", options.kernel)
      .set("stride", options.stride)
      .set("padding", options.padding)
      .set("bias", options.bias);
}

Shape Conv2d::output_shape(const Shape& input) const {
  if (input.rank() != 4) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
  if (input[1] != in_channels) [[unlikely]]
    fail(label(), ": found ", input[1], " input channels, expected ", in_channels);
  const std::int64_t height = input[2] + 2 * options.padding - options.kernel;
  const std::int64_t width = input[3] + 2 * options.padding - options.kernel;
  if (height < 0 || width < 0) [[unlikely]]
    fail(label(), ": found an image of ", input[2], "x", input[3], " with padding ",
         options.padding, ", expected at least the kernel's ", options.kernel, "x", options.kernel);
  return {input[0], out_channels, height / options.stride + 1, width / options.stride + 1};
}

bool Conv2d::fuses(const Epilogue& epilogue, const Shape& input) const {
  if (epilogue.addend && epilogue.max_pool) return false;
  if (epilogue.norm &&
      !(epilogue.norm->channels == out_channels && epilogue.norm->weight.defined()))
    return false;
  const Shape output = output_shape(input);
  return !epilogue.max_pool || (epilogue.relu && output[2] % 2 == 0 && output[3] % 2 == 0);
}

Tensor Conv2d::forward_fused(const Tensor& x, const Epilogue& epilogue) {
  output_shape(x.shape());  // an error names this layer
  if (!weight.defined()) [[unlikely]]
    fail(label(), ": found no weights, expected a layer that was initialised");
  const ConvOptions pass{.stride = options.stride,
                         .padding = options.padding,
                         .relu = epilogue.relu,
                         .max_pool = epilogue.max_pool,
                         .addend = epilogue.addend ? *epilogue.addend : Tensor()};
  if (!epilogue.norm) return conv2d(x, weight, bias, pass);
  const Folded::Weights folded = folded_.with(weight, bias, *epilogue.norm);
  return conv2d(x, folded.weight, folded.bias, pass);
}

Channels Conv2d::pass_channels(ChannelWalk& walk, const Channels& in) {
  return walk.made(
      *this, in,
      {.weight = weight, .bias = bias, .has_bias = options.bias, .padded = options.padding > 0},
      true);
}

Macs Conv2d::macs(const Shape& input) const {
  const Shape output = output_shape(input);
  const std::int64_t pixels = output[2] * output[3];  // each weight is used once at each
  const std::int64_t weights = out_channels * in_channels * options.kernel * options.kernel;
  return {weights * pixels, weight.defined() ? weight.nonzero() * pixels : 0};
}

void Conv2d::state(StateVisitor& visitor) {
  visitor.weight("weight", weight, {out_channels, in_channels, options.kernel, options.kernel});
  if (options.bias) visitor.parameter("bias", bias, {out_channels});
}

void Conv2d::take_sizes() {
  out_channels = weight.dense_shape()[0];
  in_channels = weight.dense_shape()[1];
}

void Conv2d::initialize(const Rng& rng) {
  default_weight(weight, rng.split(0));
  if (options.bias) default_bias(bias, weight.dense_shape(), rng.split(1));
}

}  // namespace espalier::layers
