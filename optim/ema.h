// Ema: an exponential moving average of the weights over the steps of training. The average is
// often a better model than the last weights: evaluate it, and go on training with the others.
#pragma once

#include <vector>

#include "optim/optimizer.h"

namespace espalier::optim {

// The average is state("ema") of the parameter, so it is saved, pruned and compacted with it. It
// begins as a copy of the weights at the first update(), so it leans towards no zeros and needs no
// correction for bias. A new Ema on the same or on loaded parameters goes on with their averages.
//
// Running statistics of batch norm are no parameters and are not averaged: estimate them anew for
// the averaged weights, or evaluate with those of training.
//
//   optim::Ema ema(model, 0.999);
//   ... optimizer.step(); ema.update(); ...
//   ema.swap(); evaluate(model); ema.swap();
class Ema {
 public:
  // decay in [0, 1), per step: the average reaches back about 1 / (1 - decay) steps.
  explicit Ema(const Parameters& parameters, double decay = 0.999);

  // average = decay * average + (1 - decay) * weight, after each step of the optimiser. An Error
  // while the averages stand in the weights' place.
  void update();

  // Exchanges weights and averages; a second call puts both back, bit for bit. Train and save only
  // while swapped() is false.
  void swap();
  bool swapped() const { return swapped_; }

 private:
  std::vector<Parameter> parameters_;
  Decay decay_;
  float fresh_;
  bool swapped_ = false;
};

}  // namespace espalier::optim
