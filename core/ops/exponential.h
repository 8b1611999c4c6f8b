// exp and the logistic function in plain arithmetic, which compilers turn into vectors: calls of
// the library's exp, one an element, would take longer than the convolution before.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace espalier {

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

// 1 / (1 + exp(-x))
inline float logistic(float x) {
  const float e = exp_of_negative(-std::abs(x));
  return (x < 0 ? e : 1.0f) / (1 + e);
}

}  // namespace espalier
