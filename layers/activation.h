// Activation layers: elementwise, without parameters, any shape.
#pragma once

#include <algorithm>

#include "core/ops/activation.h"
#include "layers/module.h"

namespace espalier::layers {

class Activation : public Module {
 public:
  Shape output_shape(const Shape& input) const override { return input; }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
};

template <std::size_t N>
struct TypeName {
  constexpr TypeName(const char (&name)[N]) { std::copy_n(name, N, text); }
  char text[N];
};

// One without options: the name of its type in files, and what it computes.
template <TypeName kType, Tensor (*kFunction)(const Tensor&)>
class PlainActivation : public Activation {
 public:
  PlainActivation() = default;
  explicit PlainActivation(const Config&) {}
  std::string type() const override { return kType.text; }
  Tensor forward(const Tensor& x) override { return kFunction(x); }
  std::shared_ptr<Module> copy() const override { return std::make_shared<PlainActivation>(*this); }
};

inline Tensor identity(const Tensor& x) { return x; }

using GELU = PlainActivation<"GELU", gelu>;
using Identity = PlainActivation<"Identity", identity>;
using ReLU = PlainActivation<"ReLU", relu>;
using ReLU6 = PlainActivation<"ReLU6", relu6>;
using SiLU = PlainActivation<"SiLU", silu>;
using Sigmoid = PlainActivation<"Sigmoid", sigmoid>;

class LeakyReLU : public Activation {
 public:
  explicit LeakyReLU(float slope = 0.01f) : slope(slope) {}
  explicit LeakyReLU(const Config& config);
  std::string type() const override { return "LeakyReLU"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override { return leaky_relu(x, slope); }
  std::shared_ptr<Module> copy() const override { return std::make_shared<LeakyReLU>(*this); }

  float slope;  // for x < 0
};

}  // namespace espalier::layers
