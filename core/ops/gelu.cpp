// GELU: x times the normal distribution's function. That is computed here in plain arithmetic,
// which compilers turn into vectors: calls of erfc and exp, one an element, would take longer than
// the convolution before.
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/ops/activation.h"
#include "core/ops/unary.h"

namespace espalier {
namespace {

// exp(x) for x <= 0, with an error of about one in the last place; 0 below the smallest normal
// number. 2^n times the series of exp on [-log(2) / 2, log(2) / 2].
inline float exp_of_negative(float x) {
  constexpr float kRound = 0x1.8p23f;  // added, it leaves the nearest whole number in the low bits
  constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;  // their sum is log(2)
  const float shifted = x * std::numbers::log2e_v<float> + kRound;
  const float n = shifted - kRound;
  const float r = x - n * kLog2High - n * kLog2Low;
  float series = 1 / 5040.0f;
  for (const float factorial : {720.0f, 120.0f, 24.0f, 6.0f, 2.0f, 1.0f, 1.0f})
    series = series * r + 1 / factorial;
  const auto exponent = std::bit_cast<std::uint32_t>(shifted) << 23;
  const float power = std::bit_cast<float>(exponent + std::bit_cast<std::uint32_t>(1.0f));
  return x < -87.3f ? 0 : series * power;  // NaN stays NaN
}

struct Normal {
  float density, distribution;
};

// Press, Teukolsky, Vetterling and Flannery, Numerical Recipes, section 6.2: erfc(z) for z >= 0 as
// t exp(-z^2 + a polynomial of t), with a relative error below 1.2e-7 also where it is tiny.
inline Normal normal(float x) {
  const float z = std::abs(x) * (std::numbers::sqrt2_v<float> / 2);
  const float t = 1 / (1 + 0.5f * z);
  float polynomial = 0.17087277f;
  for (const float coefficient :
       {-0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f, 0.09678418f,
        0.37409196f, 1.00002368f, -1.26551223f})
    polynomial = polynomial * t + coefficient;
  const float square = exp_of_negative(-0.5f * x * x);
  const float tail = 0.5f * t * square * exp_of_negative(polynomial);
  return {square * 0.39894228f, x < 0 ? tail : 1 - tail};
}

}  // namespace

Tensor gelu(const Tensor& x) {
  return map(
      Op::Gelu, x, [](float v) { return v * normal(v).distribution; },
      [](float d, float v, float) {
        const Normal at = normal(v);
        return d * (at.distribution + v * at.density);
      });
}

}  // namespace espalier
