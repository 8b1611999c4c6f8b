// Adam and AdamW: steps scaled by running moments of the gradient. They differ in one thing: Adam
// adds weight decay to the gradient, where the scaling distorts it; AdamW, whose decay is
// decoupled, shrinks the weight itself.
#pragma once

#include "optim/optimizer.h"

namespace espalier::optim {

template <bool decoupled>
struct AdamOptionsOf {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  // in [0, 1)
  double eps = 1e-8;
  double weight_decay = decoupled ? 1e-2 : 0;
};

// Kingma and Ba 2015, with gradient g, weight w, moments m and v, in step t, as in PyTorch:
//   g += weight_decay * w            (AdamW, in its place: w *= 1 - lr * weight_decay)
//   m  = beta1 * m + (1 - beta1) * g
//   v  = beta2 * v + (1 - beta2) * g^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
// The moments are state("exp_avg") and state("exp_avg_sq") of the parameter. t is steps(), the same
// for all parameters: one that gets its first gradient late is corrected as if it had had zeros.
template <bool decoupled>
class AdamOf final : public Optimizer {
 public:
  explicit AdamOf(const Parameters& parameters, const AdamOptionsOf<decoupled>& options = {});

 private:
  void update(Parameter& parameter, const float* grad) override;

  AdamOptionsOf<decoupled> options_;  // but for lr, which the base holds
};

using AdamOptions = AdamOptionsOf<false>;
using Adam = AdamOf<false>;
using AdamWOptions = AdamOptionsOf<true>;
using AdamW = AdamOf<true>;  // Loshchilov and Hutter 2019

}  // namespace espalier::optim
