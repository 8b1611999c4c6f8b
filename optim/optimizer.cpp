// Optimizer: the step around the formulas, and which parameters, gradients and states take part.
#include "optim/optimizer.h"

#include <string>

#include "optim/option.h"

namespace espalier::optim {

bool Parameters::listed_before(std::size_t place) const {
  for (std::size_t i = 0; i < place; ++i)
    if (same((*this)[i], (*this)[place])) return true;
  return false;
}

std::vector<Parameter> Parameters::distinct(const char* owner) const {
  check(!empty(), owner, ": found no parameters, expected at least one");
  std::vector<Parameter> result;
  for (std::size_t i = 0; i < size(); ++i) {
    check((*this)[i].defined(), owner, ": found an empty handle as parameter ", i,
          ", expected a parameter");
    if (!listed_before(i)) result.push_back((*this)[i]);
  }
  return result;
}

Optimizer::Optimizer(const char* name, const Parameters& parameters, double lr)
    : name_(name), parameters_(parameters.distinct(name)) {
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
  check_rate(std::string(name_) + ": lr", lr);
  lr_ = lr;
}

void Optimizer::set_steps(std::int64_t steps) {
  check(steps >= 0, name_, ": found ", steps, " steps, expected at least 0");
  steps_ = steps;
}

Tensor fresh_gradient(const Parameter& parameter) {
  return parameter.impl()->grad_retired ? Tensor() : parameter.unmasked_grad();
}

bool has_state(const Parameter& parameter, const char* key) {
  return parameter.states().contains(key);
}

float* state_values(Parameter& parameter, const char* key) {
  Tensor& state = parameter.state(key);
  if (state.shape() != parameter.shape() || !state.layout().plain())
    fail("state ", key, " of ", parameter.name(), ": found shape ", state.shape().str(),
         state.layout().plain() ? "" : " in lanes", ", expected ", parameter.shape().str());
  return state.mutable_data();
}

}  // namespace espalier::optim
