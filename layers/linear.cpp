// Linear: options, shapes, and the call of the operation.
#include "layers/linear.h"

#include "core/error.h"
#include "core/ops/linear.h"
#include "layers/init.h"

namespace espalier::layers {

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& given)
    : in_features(in), out_features(out), options(given) {
  check(in > 0 && out > 0, "Linear: found ", in, " input and ", out,
        " output features, expected at least one of each");
}

Linear::Linear(const Config& config)
    : Linear(config.integer("in_features", 1, kMaxFeatures),
             config.integer("out_features", 1, kMaxFeatures), {.bias = config.flag("bias")}) {}

Config Linear::config() const {
  return Config()
      .set("in_features", in_features)
      .set("out_features", out_features)
      .set("bias", options.bias);
}

Shape Linear::output_shape(const Shape& input) const {
  if (input.rank() != 2) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected features [N, F]");
  if (input[1] != in_features) [[unlikely]]
    fail(label(), ": found ", input[1], " input features, expected ", in_features);
  return {input[0], out_features};
}

Tensor Linear::forward(const Tensor& x) {
  output_shape(x.shape());  // an error names this layer
  if (!weight.defined()) [[unlikely]]
    fail(label(), ": found no weights, expected a layer that was initialised");
  return linear(x, weight, bias);
}

Channels Linear::pass_channels(ChannelWalk& walk, const Channels& in) {
  return walk.made(*this, in,
                   {.weight = weight, .bias = bias, .has_bias = options.bias, .padded = false},
                   false);
}

Macs Linear::macs(const Shape&) const {
  return {out_features * in_features, weight.defined() ? weight.nonzero() : 0};
}

void Linear::state(StateVisitor& visitor) {
  visitor.weight("weight", weight, {out_features, in_features});
  if (options.bias) visitor.parameter("bias", bias, {out_features});
}

void Linear::take_sizes() {
  out_features = weight.dense_shape()[0];
  in_features = weight.dense_shape()[1];
}

void Linear::initialize(const Rng& rng) {
  default_weight(weight, rng.split(0));
  if (options.bias) default_bias(bias, weight.dense_shape(), rng.split(1));
}

}  // namespace espalier::layers
