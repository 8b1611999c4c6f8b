// Dropout: its generator, and the call of the operation.
#include "layers/dropout.h"

#include <bit>
#include <limits>

#include "core/error.h"
#include "core/ops/activation.h"

namespace espalier::layers {
namespace {

std::uint64_t word(const Config& config, const std::string& key) {
  using Limits = std::numeric_limits<std::int64_t>;
  return std::bit_cast<std::uint64_t>(config.integer(key, Limits::min(), Limits::max()));
}

}  // namespace

Dropout::Dropout(float p, std::uint64_t seed) : p(p), seed(seed) {
  check(p >= 0 && p < 1, "Dropout: found probability ", p, ", expected 0 or more and less than 1");
}

Dropout::Dropout(const Config& config)
    : Dropout(static_cast<float>(config.number("p", 0, 0.9999999)), word(config, "seed")) {
  step = word(config, "step");
}

Config Dropout::config() const {
  return Config()
      .set("p", p)
      .set("seed", std::bit_cast<std::int64_t>(seed))
      .set("step", std::bit_cast<std::int64_t>(step));
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
