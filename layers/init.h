// Initialisation: the first values of weights. Each function fills a plain tensor in place, from an
// explicit generator. Of a weight [O, I] or [O, I, KH, KW], fan in is I KH KW and fan out O KH KW.
#pragma once

#include "core/parameter.h"
#include "core/rng.h"

namespace espalier::layers {

struct Fans {
  std::int64_t in, out;
};
Fans fans(const Shape& weight);

// What an activation takes from the variance of its input, as a factor on the standard deviation.
inline constexpr float kReluGain = 1.41421356f;
float leaky_relu_gain(float slope);  // sqrt(2 / (1 + slope^2))

enum class Fan {
  In,
  Out
};  // keep the variance of values going forward, or of gradients going back
struct KaimingOptions {
  Fan fan = Fan::In;
  float gain = kReluGain;
};
// He et al., 2015: standard deviation gain / sqrt(fan).
void kaiming_uniform(Tensor weight, Rng rng, const KaimingOptions& options = {});
void kaiming_normal(Tensor weight, Rng rng, const KaimingOptions& options = {});
// Glorot and Bengio, 2010: standard deviation gain sqrt(2 / (fan in + fan out)).
void xavier_uniform(Tensor weight, Rng rng, float gain = 1);
void xavier_normal(Tensor weight, Rng rng, float gain = 1);

// What Conv2d and Linear start with, equal in distribution to PyTorch's: weights and biases
// uniform within 1 / sqrt(fan in of the weight), either way.
// A weight in CSR gets those of the dense one at its positions.
void default_weight(Parameter weight, Rng rng);
void default_bias(Tensor bias, const Shape& weight, Rng rng);

}  // namespace espalier::layers
