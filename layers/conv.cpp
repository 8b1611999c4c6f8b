// Conv2d: options, shapes, and the call of the operation.
#include "layers/conv.h"

#include "core/error.h"
#include "core/ops/conv.h"
#include "layers/conv_shape.h"
#include "layers/init.h"

namespace espalier::layers {

Conv2d::Conv2d(std::int64_t in, std::int64_t out, const Conv2dOptions& given)
    : in_channels(in), out_channels(out), options(given) {
  check_conv_options("Conv2d", in, out, options);
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
  return conv_output_shape(*this, in_channels, out_channels, options, input);
}

bool Conv2d::fuses(const Epilogue& epilogue, const Shape& input) const {
  return conv_fuses(epilogue, output_shape(input));
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

Macs Conv2d::macs(const Shape& input) const {
  const Shape output = output_shape(input);
  const std::int64_t pixels = output[2] * output[3];  // each weight is used once at each
  const std::int64_t weights = out_channels * in_channels * options.kernel * options.kernel;
  return {weights * pixels, weight.defined() ? weight.nonzero() * pixels : 0};
}

void Conv2d::state(StateVisitor& visitor) {
  visitor.parameter("weight", weight, {out_channels, in_channels, options.kernel, options.kernel});
  if (options.bias) visitor.parameter("bias", bias, {out_channels});
}

void Conv2d::initialize(const Rng& rng) {
  default_weight(weight, rng.split(0));
  if (options.bias) default_bias(bias, weight, rng.split(1));
}

}  // namespace espalier::layers
