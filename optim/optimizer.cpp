// Optimizer: the step around the formulas.
#include "optim/optimizer.h"

#include <string>

#include "optim/option.h"

namespace espalier::optim {

Optimizer::Optimizer(const char* name, const std::vector<Parameter>& parameters, double lr)
    : name_(name), parameters_(distinct(name, parameters)) {
  set_lr(lr);
}

void Optimizer::step() {
  ++steps_;
  for (Parameter& parameter : parameters_) {
    const Tensor grad = fresh_gradient(parameter);
    if (!grad.defined()) continue;
    update(parameter, grad.data());
    parameter.retire_grad();
  }
}

void Optimizer::zero_grad() {
  for (Parameter& parameter : parameters_) parameter.zero_grad();
}

void Optimizer::set_lr(double lr) {
  check_rate((std::string(name_) + ": lr").c_str(), lr);
  lr_ = lr;
}

void Optimizer::set_steps(std::int64_t steps) {
  check(steps >= 0, name_, ": found ", steps, " steps, expected at least 0");
  steps_ = steps;
}

}  // namespace espalier::optim
