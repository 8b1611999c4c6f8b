// Elementwise operations on one tensor. What the gradients do at the edges of a function's domain
// is what PyTorch does there.
#include <cmath>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/unary.h"

namespace espalier {

Tensor scale(const Tensor& given, float factor) {
  // Zeros of a halo times infinity would not be zeros.
  const Tensor x = std::isfinite(factor) ? given : to_plain(given);
  return map(
      Op::Scale, x, [factor](float v) { return v * factor; },
      [factor](float d, float, float) { return d * factor; });
}

Tensor shift(const Tensor& x, float term) {
  return map(
      Op::Shift, to_plain(x), [term](float v) { return v + term; },
      [](float d, float, float) { return d; });
}

Tensor pow(const Tensor& given, float exponent) {
  const Tensor x = to_plain(given);
  if (exponent == 2)  // by far the most frequent, and a loop of vectors
    return map(
        Op::Pow, x, [](float v) { return v * v; },
        [](float d, float v, float) { return d * (2 * v); });
  return map(
      Op::Pow, x, [exponent](float v) { return std::pow(v, exponent); },
      [exponent](float d, float v, float) {
        return exponent == 0 ? 0.0f : d * (exponent * std::pow(v, exponent - 1));
      });
}

Tensor exp(const Tensor& x) {
  return map(
      Op::Exp, to_plain(x), [](float v) { return std::exp(v); },
      [](float d, float, float y) { return d * y; });
}

Tensor log(const Tensor& x) {
  return map(
      Op::Log, to_plain(x), [](float v) { return std::log(v); },
      [](float d, float v, float) { return d / v; });
}

Tensor sqrt(const Tensor& x) {
  return map(
      Op::Sqrt, to_plain(x), [](float v) { return std::sqrt(v); },
      [](float d, float, float y) { return d * (0.5f / y); });
}

Tensor abs(const Tensor& x) {
  return map(
      Op::Abs, to_plain(x), [](float v) { return std::abs(v); },
      [](float d, float v, float) { return d * static_cast<float>((v > 0) - (v < 0)); });
}

Tensor tanh(const Tensor& x) {
  return map(
      Op::Tanh, to_plain(x), [](float v) { return std::tanh(v); },
      [](float d, float, float y) { return d * (1 - y * y); });
}

Tensor clamp(const Tensor& x, float low, float high) {
  check(low <= high, "clamp: found bounds ", low, " and ", high, ", expected the lower one first");
  return map(
      Op::Clamp, to_plain(x),
      [=](float v) { return v < low    ? low
                            : v > high ? high
                                       : v; },  // NaN stays
      [=](float d, float v, float) { return v >= low && v <= high ? d : 0.0f; });
}

}  // namespace espalier
