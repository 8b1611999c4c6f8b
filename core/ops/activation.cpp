// Activations: what is compared is written so that NaN stays NaN and zeros of a halo stay zeros.
#include "core/ops/activation.h"

#include "core/ops/unary.h"

namespace espalier {

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

}  // namespace espalier
