// Activation layers: options, and what becomes of constants.
#include "layers/activation.h"

namespace espalier::layers {

LeakyReLU::LeakyReLU(const Config& config)
    : slope(static_cast<float>(config.number("slope", -1e6, 1e6))) {}

Config LeakyReLU::config() const { return Config().set("slope", slope); }

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
