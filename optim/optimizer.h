// Optimizer: what all optimisers share. It knows which parameters it moves and how far along it is;
// everything else that it remembers (momentum, moments) is state of the parameter itself. So state
// goes wherever its parameter goes: into a file, or through a compaction that changes its shape in
// the middle of training. A new optimiser on the same or on loaded parameters goes on where the
// last one stood, once set_steps() has told it the number of steps.
//
// Where a parameter has a mask, a step leaves value and state exactly zero at what it removes.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parameter.h"
#include "optim/pass.h"

namespace espalier::optim {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Moves every parameter that got a gradient since the last step; the others stay as they are.
  // Gradients stay readable afterwards, and the next backward pass begins new ones: a training loop
  // needs no zero_grad().
  void step();
  void zero_grad();  // forgets all gradients, e.g. to skip a step after an overflow

  double lr() const { return lr_; }
  void set_lr(double lr);  // negative or not finite: Error

  // Steps so far. Adam's bias correction depends on it: save it with the model, and set it again.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps);

  // Without repetitions: tied weights are moved once.
  const std::vector<Parameter>& parameters() const { return parameters_; }

 protected:
  // `name` stands at the front of error messages: a string literal.
  Optimizer(const char* name, const std::vector<Parameter>& parameters, double lr);

  // One step of one parameter. steps() counts this step already. `grad` may hold anything where
  // the mask removes: put values through `kept` (optim/pass.h).
  virtual void update(Parameter& parameter, const float* grad) = 0;

 private:
  const char* name_;
  std::vector<Parameter> parameters_;
  double lr_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace espalier::optim
