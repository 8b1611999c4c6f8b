// Activation layers and dropout: elementwise, without parameters, any shape.
#pragma once

#include "core/ops/activation.h"
#include "layers/module.h"

namespace espalier::layers {

class Activation : public Module {
 public:
  Shape output_shape(const Shape& input) const override { return input; }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
};

// One without options: the name of its type in files, and what it computes.
template <TypeName kType, Tensor (*kFunction)(const Tensor&)>
class PlainActivation : public Kind<kType, PlainActivation<kType, kFunction>, Activation> {
 public:
  Tensor forward(const Tensor& x) override { return kFunction(x); }
};

inline Tensor identity(const Tensor& x) { return x; }

using GELU = PlainActivation<"GELU", gelu>;
using Identity = PlainActivation<"Identity", identity>;
using ReLU = PlainActivation<"ReLU", relu>;
using ReLU6 = PlainActivation<"ReLU6", relu6>;
using SiLU = PlainActivation<"SiLU", silu>;
using Sigmoid = PlainActivation<"Sigmoid", sigmoid>;

class LeakyReLU : public Kind<"LeakyReLU", LeakyReLU, Activation> {
 public:
  explicit LeakyReLU(float slope = 0.01f) : slope(slope) {}
  void describe(Options& all) override { all.number("slope", slope, -1e6, 1e6); }
  Tensor forward(const Tensor& x) override { return leaky_relu(x, slope); }

  float slope;  // for x < 0
};

// Zeroes values at random while training, and does nothing in evaluation. The n-th training step
// draws from Rng(seed).split(n). Seed and step count stand among the options, so that they are
// saved with the model and a resumed training draws what it would have.
class Dropout : public Kind<"Dropout", Dropout> {
 public:
  explicit Dropout(float p = 0.5f, std::uint64_t seed = 0);  // p: probability, 0 <= p < 1

  void describe(Options& all) override;
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override { return input; }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  void initialize(const Rng& rng) override;  // takes its seed from the model's

  float p;
  std::uint64_t seed;
  std::uint64_t step = 0;  // training steps so far
};

}  // namespace espalier::layers
