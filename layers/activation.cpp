// Activation layers: the calls of the operations.
#include "layers/activation.h"

#include "core/ops/activation.h"

namespace espalier::layers {

Tensor ReLU::forward(const Tensor& x) { return relu(x); }

LeakyReLU::LeakyReLU(const Config& config)
    : slope(static_cast<float>(config.number("slope", -1e6, 1e6))) {}

Config LeakyReLU::config() const { return Config().set("slope", slope); }

Tensor LeakyReLU::forward(const Tensor& x) { return leaky_relu(x, slope); }

Tensor GELU::forward(const Tensor& x) { return gelu(x); }

}  // namespace espalier::layers
