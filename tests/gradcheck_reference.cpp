// Central differences of the reference of a gradient check.
#include "tests/gradcheck_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace espalier::testing {
namespace {

double dot(const Values& y, const std::vector<float>& weights) {
  if (y.size() != weights.size()) throw std::logic_error("reference: its result changes its size");
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
  return sum;
}

// The gradient of the loss with respect to one input. At a kink the differences to the left and to
// the right disagree, and by much: where a function is smooth, by the step times its curvature.
Values central_differences(const Reference& reference, std::vector<Values> inputs,
                           std::size_t which, const Expected& e) {
  const double loss = dot(e.output, e.weights);
  Values& x = inputs[which];
  Values left(x.size()), right(x.size()), slope(x.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = x[i], step = 1e-5 * std::max(1.0, std::abs(value));
    x[i] = value + step;
    right[i] = (dot(reference(inputs), e.weights) - loss) / step;
    x[i] = value - step;
    left[i] = (loss - dot(reference(inputs), e.weights)) / step;
    x[i] = value;
    slope[i] = (left[i] + right[i]) / 2;
    largest = std::max(largest, std::abs(slope[i]));
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::abs(left[i] - right[i]) > 1e-3 * largest + 1e-7)
      slope[i] = std::numeric_limits<double>::quiet_NaN();
  return slope;
}

}  // namespace

bool differentiable(const GradCase& c, std::size_t input) {
  return c.differentiable.empty() || c.differentiable.at(input);
}

Expected expect(const GradCase& c) {
  std::vector<Values> inputs;
  for (const Tensor& input : c.inputs) {
    const std::vector<float> values = input.to_vector();
    inputs.emplace_back(values.begin(), values.end());
  }
  for (const auto& [which, mask] : c.masks)
    for (std::size_t i = 0; i < mask.size(); ++i) inputs.at(which).at(i) *= mask[i];

  Expected e;
  e.output = c.reference(inputs);
  Rng rng(12345);
  for (std::size_t i = 0; i < e.output.size(); ++i) e.weights.push_back(rng.normal());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    e.gradients.emplace_back();
    if (differentiable(c, i)) e.gradients[i] = central_differences(c.reference, inputs, i, e);
    e.kinks.push_back(static_cast<std::size_t>(std::count_if(
        e.gradients[i].begin(), e.gradients[i].end(), [](double d) { return std::isnan(d); })));
  }
  for (const auto& [which, mask] : c.masks)
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (!mask[i]) e.gradients[which][i] = 0;
  return e;
}

}  // namespace espalier::testing
