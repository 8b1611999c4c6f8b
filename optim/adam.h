// Adam and AdamW: steps scaled by running moments of the gradient. They differ in one thing: Adam
// adds weight decay to the gradient, where the scaling distorts it; AdamW shrinks the weight
// itself.
#pragma once

#include "optim/optimizer.h"

namespace espalier::optim {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  // in [0, 1)
  double eps = 1e-8;
  double weight_decay = 0;
};

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  // in [0, 1)
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

// Kingma and Ba 2015, with gradient g, weight w, moments m and v, in step t, as in PyTorch:
//   g += weight_decay * w
//   m  = beta1 * m + (1 - beta1) * g
//   v  = beta2 * v + (1 - beta2) * g^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
// The moments are state("exp_avg") and state("exp_avg_sq") of the parameter. t is steps(), the same
// for all parameters: one that gets its first gradient late is corrected as if it had had zeros.
class Adam : public Optimizer {
 public:
  explicit Adam(const std::vector<Parameter>& parameters, const AdamOptions& options = {});
  template <HasParameters M>
  explicit Adam(const M& model, const AdamOptions& options = {})
      : Adam(model.parameters(), options) {}

 protected:
  Adam(const char* name, const std::vector<Parameter>& parameters, const AdamOptions& options,
       bool decoupled_decay);

 private:
  void update(Parameter& parameter, const float* grad) override;

  AdamOptions options_;  // but for lr, which the base holds
  bool decoupled_decay_;
};

// Loshchilov and Hutter 2019: as Adam, but with w *= 1 - lr * weight_decay in place of the first
// line.
class AdamW final : public Adam {
 public:
  explicit AdamW(const std::vector<Parameter>& parameters, const AdamWOptions& options = {});
  template <HasParameters M>
  explicit AdamW(const M& model, const AdamWOptions& options = {})
      : AdamW(model.parameters(), options) {}
};

}  // namespace espalier::optim
