// Elementwise operations on one tensor. Each is a value and a slope; what the slope does at the
// edges of a function's domain is what PyTorch does there.
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/map.h"

namespace espalier {
namespace {

// y = value(x) and dx = dy slope(x, y), over everything in memory, whatever the layout. y is held
// without its place on the tape, which would hold the node in turn.
template <class Value, class Slope>
Tensor map(Op op, const Tensor& x, Value value, Slope slope) {
  Tensor y = Tensor::empty(x.shape(), x.layout());
  const float* in = x.data();
  parallel_write(x.storage_size(), y.mutable_data(), false,
                 [in, value](std::int64_t i) { return value(in[i]); });
  return record(op, y, {x}, [x, y = y.detach(), slope](const Tensor& dy) {
    if (GradOut dx = grad_out(x)) {
      const float *in = x.data(), *out = y.data(), *d = dy.data();
      parallel_write(x.storage_size(), dx.data, dx.add,
                     [=](std::int64_t i) { return d[i] * slope(in[i], out[i]); });
    }
  });
}

}  // namespace

Tensor scale(const Tensor& given, float factor) {
  // Zeros of a halo times infinity would not be zeros.
  const Tensor x = std::isfinite(factor) ? given : to_plain(given);
  return map(
      Op::Scale, x, [factor](float v) { return v * factor; },
      [factor](float, float) { return factor; });
}

Tensor shift(const Tensor& x, float term) {
  return map(
      Op::Shift, to_plain(x), [term](float v) { return v + term; },
      [](float, float) { return 1.0f; });
}

Tensor pow(const Tensor& given, float exponent) {
  const Tensor x = to_plain(given);
  if (exponent == 2)  // by far the most frequent, and a loop of vectors
    return map(
        Op::Pow, x, [](float v) { return v * v; }, [](float v, float) { return 2 * v; });
  return map(
      Op::Pow, x, [exponent](float v) { return std::pow(v, exponent); },
      [exponent](float v, float) {
        return exponent == 0 ? 0.0f : exponent * std::pow(v, exponent - 1);
      });
}

Tensor exp(const Tensor& x) {
  return map(
      Op::Exp, to_plain(x), [](float v) { return std::exp(v); }, [](float, float y) { return y; });
}

Tensor log(const Tensor& x) {
  return map(
      Op::Log, to_plain(x), [](float v) { return std::log(v); },
      [](float v, float) { return 1 / v; });
}

Tensor sqrt(const Tensor& x) {
  return map(
      Op::Sqrt, to_plain(x), [](float v) { return std::sqrt(v); },
      [](float, float y) { return 0.5f / y; });
}

Tensor abs(const Tensor& x) {
  return map(
      Op::Abs, to_plain(x), [](float v) { return std::abs(v); },
      [](float v, float) { return static_cast<float>((v > 0) - (v < 0)); });
}

Tensor sigmoid(const Tensor& x) {
  return map(
      Op::Sigmoid, to_plain(x), [](float v) { return 1 / (1 + std::exp(-v)); },
      [](float, float y) { return y * (1 - y); });
}

Tensor tanh(const Tensor& x) {
  return map(
      Op::Tanh, to_plain(x), [](float v) { return std::tanh(v); },
      [](float, float y) { return 1 - y * y; });
}

Tensor clamp(const Tensor& x, float low, float high) {
  check(low <= high, "clamp: found bounds ", low, " and ", high, ", expected the lower one first");
  return map(
      Op::Clamp, to_plain(x),
      [=](float v) { return v < low    ? low
                            : v > high ? high
                                       : v; },  // NaN stays
      [=](float v, float) { return v >= low && v <= high ? 1.0f : 0.0f; });
}

}  // namespace espalier
