// Activations: what is compared is written so that NaN stays NaN and zeros of a halo stay zeros.
#include "core/ops/activation.h"

#include <cmath>
#include <numbers>

#include "core/ops/unary.h"

namespace espalier {
namespace {

// The distribution function of the standard normal distribution. erfc keeps the digits of the left
// tail, where 1 + erf would lose them.
float normal_cdf(float x) { return 0.5f * std::erfc(x * -std::numbers::sqrt2_v<float> / 2); }

float normal_density(float x) {
  constexpr float kAtZero = std::numbers::inv_sqrtpi_v<float> / std::numbers::sqrt2_v<float>;
  return kAtZero * std::exp(-0.5f * x * x);
}

}  // namespace

Tensor relu(const Tensor& x) {
  return map(
      Op::Relu, x, [](float v) { return v < 0 ? 0 : v; },
      [](float d, float v, float) { return v > 0 ? d : 0; });
}

Tensor leaky_relu(const Tensor& x, float slope) {
  return map(
      Op::LeakyRelu, x, [slope](float v) { return v < 0 ? slope * v : v; },
      [slope](float d, float v, float) { return v > 0 ? d : slope * d; });
}

Tensor gelu(const Tensor& x) {
  return map(
      Op::Gelu, x, [](float v) { return v * normal_cdf(v); },
      [](float d, float v, float) { return d * (normal_cdf(v) + v * normal_density(v)); });
}

}  // namespace espalier
