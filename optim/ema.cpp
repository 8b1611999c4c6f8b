// Ema: averaging and swapping.
#include "optim/ema.h"

#include "optim/option.h"

namespace espalier::optim {
namespace {

float* averages(Parameter& parameter) {
  if (!has_state(parameter, "ema")) parameter.state("ema").copy_from(parameter);
  return state_values(parameter, "ema");
}

}  // namespace

Ema::Ema(const Parameters& parameters, double decay)
    : parameters_(parameters.distinct("Ema")),
      decay_(decay),
      fresh_(static_cast<float>(1 - decay)) {
  check_decay("Ema: decay", decay);
}

void Ema::update() {
  check(!swapped_, "Ema: found averages in the weights' place, expected swap() before update()");
  for (Parameter& parameter : parameters_) {
    const float* w = parameter.data();
    float* average = averages(parameter);
    for_each_element(parameter,
                     [w, average, decay = decay_, fresh = fresh_](std::int64_t i, Kept kept) {
                       average[i] = kept(decay(average[i], fresh * w[i]));
                     });
  }
}

void Ema::swap() {
  for (Parameter& parameter : parameters_) {
    float* w = parameter.mutable_data();
    float* average = averages(parameter);
    for_each_element(parameter, [w, average](std::int64_t i, Kept kept) {
      const float weight = w[i];
      w[i] = kept(average[i]);
      average[i] = kept(weight);
    });
  }
  swapped_ = !swapped_;
}

}  // namespace espalier::optim
