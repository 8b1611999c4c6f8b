// Dropout: zeroes values at random while training, and does nothing in evaluation.
#pragma once

#include "layers/module.h"

namespace espalier::layers {

// The n-th training step draws from Rng(seed).split(n). Seed and step count stand among the
// options, so that they are saved with the model and a resumed training draws what it would have.
class Dropout : public Module {
 public:
  explicit Dropout(float p = 0.5f, std::uint64_t seed = 0);  // p: probability, 0 <= p < 1
  explicit Dropout(const Config& config);

  std::string type() const override { return "Dropout"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override { return input; }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  void initialize(const Rng& rng) override;  // takes its seed from the model's
  std::shared_ptr<Module> copy() const override { return std::make_shared<Dropout>(*this); }

  float p;
  std::uint64_t seed;
  std::uint64_t step = 0;  // training steps so far
};

}  // namespace espalier::layers
