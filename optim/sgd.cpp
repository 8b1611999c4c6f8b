// SGD: the formulas, one pass each.
#include "optim/sgd.h"

#include "optim/option.h"

namespace espalier::optim {

SGD::SGD(const Parameters& parameters, const SGDOptions& options)
    : Optimizer("SGD", parameters, options.lr), options_(options) {
  set_momentum(options.momentum);
  check_share("SGD: dampening", options.dampening);
  check_rate("SGD: weight_decay", options.weight_decay);
  check_option(options.dampening == 0 || !options.nesterov, "SGD: dampening", options.dampening,
               "0 with nesterov");
}

void SGD::set_momentum(double momentum) {
  check_decay("SGD: momentum", momentum);
  check_option(momentum > 0 || !options_.nesterov, "SGD: momentum", momentum,
               "a number above 0 with nesterov");
  options_.momentum = momentum;
}

void SGD::update(Parameter& parameter, const float* g) {
  const float rate = static_cast<float>(lr());
  const float decay = static_cast<float>(options_.weight_decay);
  const float momentum = static_cast<float>(options_.momentum);
  float* w = parameter.mutable_data();

  if (momentum == 0) {
    for_each_element(parameter, [=](std::int64_t i, Kept kept) {
      const float d = g[i] + decay * w[i];
      w[i] = kept(w[i] - rate * d);
    });
    return;
  }

  const bool first = !has_state(parameter, "momentum");
  const Decay velocity_left(options_.momentum);
  const float fresh = first ? 1 : static_cast<float>(1 - options_.dampening);
  float* m = state_values(parameter, "momentum");
  if (options_.nesterov) {
    for_each_element(parameter, [=](std::int64_t i, Kept kept) {
      const float d = g[i] + decay * w[i];
      const float velocity = velocity_left(m[i], d);
      m[i] = kept(velocity);
      w[i] = kept(w[i] - rate * (d + momentum * velocity));
    });
  } else {
    for_each_element(parameter, [=](std::int64_t i, Kept kept) {
      const float d = g[i] + decay * w[i];
      const float velocity = velocity_left(m[i], fresh * d);
      m[i] = kept(velocity);
      w[i] = kept(w[i] - rate * velocity);
    });
  }
}

}  // namespace espalier::optim
