// Activations: what is compared is written so that NaN stays NaN and zeros of a halo stay zeros.
#include "core/ops/activation.h"

#include "core/kernels/planes.h"
#include "core/ops/exponential.h"
#include "core/ops/unary.h"

namespace espalier {

Tensor relu(const Tensor& x) {
  return map(
      Op::Relu, x, [](float v) { return v < 0 ? 0 : v; },
      [](float d, float v, float) { return v > 0 ? d : 0; });
}

Tensor relu6(const Tensor& x) {
  return map(
      Op::Relu6, x, [](float v) { return v < 0   ? 0.0f
                                         : v > 6 ? 6.0f
                                                 : v; },
      [](float d, float v, float) { return v > 0 && v < 6 ? d : 0; });
}

Tensor sigmoid(const Tensor& x) {
  Tensor y = map(
      Op::Sigmoid, x, [](float v) { return logistic(v); },
      [](float d, float, float y) { return d * (y * (1 - y)); });
  if (y.layout().halo > 0) {  // of a zero it is 0.5
    const Planes planes = y.planes();
    for_each_plane(planes, [&](std::int64_t b, std::int64_t c) { zero_halo(planes, b, c); });
  }
  return y;
}

Tensor silu(const Tensor& x) {
  return map(
      Op::Silu, x, [](float v) { return v * logistic(v); },
      [](float d, float v, float) {
        const float s = logistic(v);
        return d * (s * (1 + v * (1 - s)));
      });
}

Tensor leaky_relu(const Tensor& x, float slope) {
  return map(
      Op::LeakyRelu, x, [slope](float v) { return v < 0 ? slope * v : v; },
      [slope](float d, float v, float) { return v > 0 ? d : slope * d; });
}

}  // namespace espalier
