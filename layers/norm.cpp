// BatchNorm: options, shapes, and the call of the operation.
#include "layers/norm.h"

#include "core/error.h"
#include "core/ops/norm.h"

namespace espalier::layers {

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormConfig& given)
    : channels(channels), options(given) {
  check(channels > 0, "BatchNorm: found ", channels, " channels, expected at least one");
  check(options.eps > 0 && options.momentum >= 0 && options.momentum <= 1, "BatchNorm: found eps ",
        options.eps, " and momentum ", options.momentum,
        ", expected eps above 0 and momentum from 0 to 1");
}

void BatchNorm::describe(Options& all) {
  all.integer("channels", channels, 1, kMaxFeatures);
  all.number("eps", options.eps, 1e-30, 1);
  all.number("momentum", options.momentum, 0, 1);
}

Shape BatchNorm::output_shape(const Shape& input) const {
  if (input.rank() != 4 && input.rank() != 2) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected [N, C, H, W] or [N, C]");
  if (input[1] != channels) [[unlikely]]
    fail(label(), ": found ", input[1], " input channels, expected ", channels);
  return input;
}

bool BatchNorm::fuses(const Epilogue& epilogue, const Shape&) const {
  return !epilogue.norm && !epilogue.addend && !epilogue.max_pool;
}

Tensor BatchNorm::forward_fused(const Tensor& x, const Epilogue& epilogue) {
  if (!weight.defined()) [[unlikely]]
    fail(label(), ": found no weights, expected a layer that was initialised");
  if (training()) ++num_batches_tracked;
  return batch_norm(x, weight, bias, running_mean, running_var,
                    {.eps = options.eps,
                     .momentum = options.momentum,
                     .training = training(),
                     .relu = epilogue.relu,
                     .relu_limit = epilogue.relu_limit,
                     .halo = epilogue.halo});
}

// A channel whose scale is removed gives its shift; any other moves what it gets in training, so
// that no constant stays one.
Channels BatchNorm::pass_channels(ChannelWalk& walk, const Channels& in) {
  walk.set_norm(in, *this);
  walk.attach(*this, weight, Part::Scale, 0, in.units);
  walk.attach(*this, bias, Part::Shift, 0, in.units);
  Channels out = walk.changed(*this, in);
  for (std::size_t c = 0; c < out.constants.size(); ++c) {
    const auto i = static_cast<std::int64_t>(c);
    out.constants[c] =
        weight.is_removed(i)
            ? Constant::of(bias.data()[c])
            : in.constants[c].lost_in("goes into " + label() + ", whose scale is not gone");
  }
  return out;
}

void BatchNorm::state(StateVisitor& visitor) {
  visitor.parameter("weight", weight, {channels});
  visitor.parameter("bias", bias, {channels});
  visitor.buffer("running_mean", running_mean, {channels});
  visitor.buffer("running_var", running_var, {channels});
  visitor.counter("num_batches_tracked", num_batches_tracked);
}

void BatchNorm::take_sizes() { channels = weight.size(0); }

void BatchNorm::initialize(const Rng&) {
  weight.copy_from(Tensor::full({channels}, 1));
  bias.copy_from(Tensor::zeros({channels}));
  running_mean.copy_from(Tensor::zeros({channels}));
  running_var.copy_from(Tensor::full({channels}, 1));
  num_batches_tracked = 0;
}

}  // namespace espalier::layers
