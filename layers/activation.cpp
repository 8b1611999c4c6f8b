// Activation layers: the calls of the operations.
#include "layers/activation.h"

#include "core/ops/activation.h"

namespace espalier::layers {

Tensor ReLU::forward(const Tensor& x) { return relu(x); }

Tensor ReLU6::forward(const Tensor& x) { return relu6(x); }

Tensor Sigmoid::forward(const Tensor& x) { return sigmoid(x); }

Tensor SiLU::forward(const Tensor& x) { return silu(x); }

LeakyReLU::LeakyReLU(const Config& config)
    : slope(static_cast<float>(config.number("slope", -1e6, 1e6))) {}

Config LeakyReLU::config() const { return Config().set("slope", slope); }

Tensor LeakyReLU::forward(const Tensor& x) { return leaky_relu(x, slope); }

Tensor GELU::forward(const Tensor& x) { return gelu(x); }

// Run on the constants, which are then, to the bit, what it makes of them.
Channels Activation::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels out = walk.changed(*this, in);
  std::vector<float> values;
  for (const Constant& c : in.constants) values.push_back(c.known ? c.value : 0);
  values = forward(Tensor::from({1, in.count()}, values)).to_vector();
  for (std::size_t c = 0; c < values.size(); ++c)
    if (in.constants[c].known) out.constants[c] = Constant::of(values[c]);
  return out;
}

}  // namespace espalier::layers
