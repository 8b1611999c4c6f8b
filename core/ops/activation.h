// Activations and dropout: elementwise. They keep any layout.
#pragma once

#include "core/tensor.h"

namespace espalier {

Tensor relu(const Tensor& x);  // its gradient at 0 is 0
Tensor leaky_relu(const Tensor& x, float slope = 0.01f);
Tensor relu6(const Tensor& x);    // min(relu(x), 6); its gradient at 0 and 6 is 0
Tensor sigmoid(const Tensor& x);  // 1 / (1 + exp(-x))
Tensor silu(const Tensor& x);     // x sigmoid(x) (Elfwing et al., 2018)
Tensor gelu(const Tensor& x);     // x Phi(x), the exact form (Hendrycks and Gimpel, 2016)

// Zeroes each element with probability p and scales the others by 1 / (1 - p), so that the mean
// stays (Srivastava et al., 2014). 0 <= p < 1. The choice follows from the generator's next number.
Tensor dropout(const Tensor& x, float p, Rng& rng);

}  // namespace espalier
