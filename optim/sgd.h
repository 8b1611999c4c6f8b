// SGD: stochastic gradient descent with momentum, plain or Nesterov's, and weight decay.
#pragma once

#include "optim/optimizer.h"

namespace espalier::optim {

struct SGDOptions {
  double lr = 0.1;
  double momentum = 0;   // in [0, 1)
  double dampening = 0;  // in [0, 1]
  bool nesterov = false;
  double weight_decay = 0;
};

// With gradient g, weight w and buffer m, as in PyTorch:
//   g += weight_decay * w
//   m  = momentum * m + (1 - dampening) * g      (the first time: m = g)
//   w -= lr * m, or with nesterov: lr * (g + momentum * m)
// The buffer is state("momentum") of the parameter; without momentum there is none.
//
//   optim::SGD optimizer(model, {.lr = 0.1, .momentum = 0.9, .nesterov = true});
class SGD final : public Optimizer {
 public:
  explicit SGD(const Parameters& parameters, const SGDOptions& options = {});

  double momentum() const { return options_.momentum; }
  // For schedules of the momentum; outside of [0, 1): Error, and with Nesterov's 0 too.
  void set_momentum(double momentum);

 private:
  void update(Parameter& parameter, const float* grad) override;

  SGDOptions options_;  // but for lr, which the base holds
};

}  // namespace espalier::optim
