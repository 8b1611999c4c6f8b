// Linear: options, shapes, and the call of the operation; state, channels and arithmetic of all
// layers with a weight.
#include "layers/linear.h"

#include "core/error.h"
#include "core/ops/linear.h"
#include "layers/init.h"

namespace espalier::layers {

// Each weight is used once for each pixel of its output.
Macs Weighted::macs(const Shape& input) const {
  const Shape output = output_shape(input);
  const std::int64_t pixels = output.rank() == 4 ? output[2] * output[3] : 1;
  return {weight_shape().numel() * pixels, weight.defined() ? weight.nonzero() * pixels : 0};
}

Channels Weighted::pass_channels(ChannelWalk& walk, const Channels& in) {
  const Product made = product();
  const bool depthwise = made.groups > 1 && made.groups == in.count();
  return depthwise ? walk.filtered(*this, in, made) : walk.made(*this, in, made);
}

void Weighted::state(StateVisitor& visitor) {
  visitor.weight("weight", weight, weight_shape());
  if (product().has_bias) visitor.parameter("bias", bias, {weight_shape()[0]});
}

void Weighted::initialize(const Rng& rng) {
  default_weight(weight, rng.split(0));
  if (product().has_bias) default_bias(bias, weight.dense_shape(), rng.split(1));
}

void Weighted::expect_weight() const {
  if (!weight.defined()) [[unlikely]]
    fail(label(), ": found no weights, expected a layer that was initialised");
}

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& given)
    : in_features(in), out_features(out), options(given) {
  check(in > 0 && out > 0, "Linear: found ", in, " input and ", out,
        " output features, expected at least one of each");
}

void Linear::describe(Options& all) {
  all.integer("in_features", in_features, 1, kMaxFeatures);
  all.integer("out_features", out_features, 1, kMaxFeatures);
  all.flag("bias", options.bias);
}

Shape Linear::output_shape(const Shape& input) const {
  if (input.rank() != 2) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected features [N, F]");
  if (input[1] != in_features) [[unlikely]]
    fail(label(), ": found ", input[1], " input features, expected ", in_features);
  return {input[0], out_features};
}

Tensor Linear::forward(const Tensor& x) {
  expect_weight();
  return linear(x, weight, bias);
}

void Linear::take_sizes() {
  out_features = weight.dense_shape()[0];
  in_features = weight.dense_shape()[1];
}

}  // namespace espalier::layers
