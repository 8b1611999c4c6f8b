// Activation layers: what becomes of constants. Dropout: its generator.
#include "layers/activation.h"

#include <limits>

#include "core/error.h"

namespace espalier::layers {

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

Dropout::Dropout(float p, std::uint64_t seed) : p(p), seed(seed) {
  check(p >= 0 && p < 1, "Dropout: found probability ", p, ", expected 0 or more and less than 1");
}

void Dropout::describe(Options& all) {
  using Limits = std::numeric_limits<std::int64_t>;  // of files: the same bits as signed numbers
  all.number("p", p, 0, 0.9999999);
  all.integer("seed", seed, Limits::min(), Limits::max());
  all.integer("step", step, Limits::min(), Limits::max());
}

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || p == 0) return x;
  Rng rng = Rng(seed).split(step++);
  return dropout(x, p, rng);
}

void Dropout::initialize(const Rng& rng) {
  seed = Rng(rng).next();
  step = 0;
}

Channels Dropout::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels out = walk.passed(*this, in);
  walk.vary(out, "goes through " + label() + ", a dropout");
  return out;
}

}  // namespace espalier::layers
