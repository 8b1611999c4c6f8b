// Initialisation: fans, bounds and draws.
#include "layers/init.h"

#include <cmath>

#include "core/error.h"

namespace espalier::layers {
namespace {

void fill_uniform(Tensor& t, float bound, Rng& rng) {
  float* x = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i) x[i] = rng.uniform(-bound, bound);
}

void fill_normal(Tensor& t, float deviation, Rng& rng) {
  float* x = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i) x[i] = deviation * rng.normal();
}

float root(double x) { return static_cast<float>(std::sqrt(x)); }

float kaiming_deviation(const Shape& weight, const KaimingOptions& options) {
  const Fans fan = fans(weight);
  return options.gain / root(options.fan == Fan::In ? fan.in : fan.out);
}

float xavier_deviation(const Shape& weight, float gain) {
  const Fans fan = fans(weight);
  return gain * root(2.0 / static_cast<double>(fan.in + fan.out));
}

const float kRoot3 = root(3);  // a uniform distribution of bound b deviates by b / sqrt(3)

}  // namespace

Fans fans(const Shape& weight) {
  check(weight.rank() == 2 || weight.rank() == 4, "initialisation: found a weight of shape ",
        weight.str(), ", expected [O, I] or [O, I, KH, KW]");
  const std::int64_t taps = weight.rank() == 4 ? weight[2] * weight[3] : 1;
  return {weight[1] * taps, weight[0] * taps};
}

float leaky_relu_gain(float slope) { return root(2 / (1 + static_cast<double>(slope) * slope)); }

void kaiming_uniform(Tensor weight, Rng rng, const KaimingOptions& options) {
  fill_uniform(weight, kRoot3 * kaiming_deviation(weight.shape(), options), rng);
}
void kaiming_normal(Tensor weight, Rng rng, const KaimingOptions& options) {
  fill_normal(weight, kaiming_deviation(weight.shape(), options), rng);
}
void xavier_uniform(Tensor weight, Rng rng, float gain) {
  fill_uniform(weight, kRoot3 * xavier_deviation(weight.shape(), gain), rng);
}
void xavier_normal(Tensor weight, Rng rng, float gain) {
  fill_normal(weight, xavier_deviation(weight.shape(), gain), rng);
}

void default_weight(Parameter weight, Rng rng) {
  const Pattern& pattern = weight.pattern();
  Tensor dense = pattern ? Tensor::zeros(pattern->dense()) : Tensor(weight);
  fill_uniform(dense, 1 / root(fans(dense.shape()).in), rng);
  if (pattern) weight.copy_from(gather(dense, *pattern));
}
void default_bias(Tensor bias, const Shape& weight, Rng rng) {
  fill_uniform(bias, 1 / root(fans(weight).in), rng);
}

}  // namespace espalier::layers
