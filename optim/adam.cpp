// Adam and AdamW: the formulas, in one pass.
#include "optim/adam.h"

#include <cmath>
#include <string>

#include "optim/option.h"

namespace espalier::optim {
namespace {

template <bool decoupled>
constexpr const char* kName = decoupled ? "AdamW" : "Adam";

}  // namespace

template <bool decoupled>
AdamOf<decoupled>::AdamOf(const Parameters& parameters, const AdamOptionsOf<decoupled>& options)
    : Optimizer(kName<decoupled>, parameters, options.lr), options_(options) {
  const std::string owner = kName<decoupled>;
  check_decay(owner + ": beta1", options.beta1);
  check_decay(owner + ": beta2", options.beta2);
  check_rate(owner + ": eps", options.eps);
  check_rate(owner + ": weight_decay", options.weight_decay);
}

template <bool decoupled>
void AdamOf<decoupled>::update(Parameter& parameter, const float* g) {
  // What is the same for all elements is worked out in double precision: 1 - beta2 would lose four
  // of its seven digits in float.
  const double t = static_cast<double>(steps());
  const Decay decay1(options_.beta1), decay2(options_.beta2);
  const float fresh1 = static_cast<float>(1 - options_.beta1);
  const float fresh2 = static_cast<float>(1 - options_.beta2);
  const float rate = static_cast<float>(lr() / (1 - std::pow(options_.beta1, t)));
  const float unbias = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
  const float eps = static_cast<float>(options_.eps);
  // Each kind of decay leaves the other's factor neutral: one formula serves both.
  const double decay = options_.weight_decay;
  const float decay_in_gradient = decoupled ? 0 : static_cast<float>(decay);
  const float shrink = decoupled ? static_cast<float>(1 - lr() * decay) : 1;

  float* w = parameter.mutable_data();
  float* m = state_values(parameter, "exp_avg");
  float* v = state_values(parameter, "exp_avg_sq");
  // The square root is vector code only under -fno-math-errno: otherwise each call sets errno.
  for_each_element(parameter, [=](std::int64_t i, Kept kept) {
    const float d = g[i] + decay_in_gradient * w[i];
    const float mean = decay1(m[i], fresh1 * d);
    const float square = decay2(v[i], fresh2 * d * d);
    m[i] = kept(mean);
    v[i] = kept(square);
    w[i] = kept(shrink * w[i] - rate * mean / (std::sqrt(square) * unbias + eps));
  });
}

template class AdamOf<false>;
template class AdamOf<true>;

}  // namespace espalier::optim
