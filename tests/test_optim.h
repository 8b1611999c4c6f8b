// What the tests of optimisers share: small problems with gradients set by hand, and comparisons.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/parameter.h"

namespace espalier::testing {

inline void set_gradient(Parameter& parameter, const std::vector<float>& values) {
  const GradOut out = grad_out(parameter);
  REQUIRE_FALSE(out.add);  // the last step has retired what was there
  std::copy(values.begin(), values.end(), out.data);
}

inline std::vector<float> random_values(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& x : values) x = rng.normal();
  return values;
}

// About half of the elements removed.
inline std::vector<std::uint8_t> random_mask(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(count));
  for (auto& m : mask) m = static_cast<std::uint8_t>(rng.below(2));
  return mask;
}

inline Parameter random_parameter(const Shape& shape, std::uint64_t seed,
                                  const std::string& name = "w") {
  return Parameter(Tensor::from(shape, random_values(shape.numel(), seed)), name);
}

// The largest |a - b| / (1 + |b|).
template <class A, class B>
double largest_difference(const std::vector<A>& a, const std::vector<B>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    const double difference = std::abs(x - y) / (1 + std::abs(y));
    if (!(difference <= largest)) largest = difference;  // NaN counts as largest
  }
  return largest;
}

template <class Function>
std::string error_of(const Function& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// The problem whose first steps were also taken in PyTorch 1.13, here and in test_optim_*.cpp:
//   w = torch.nn.Parameter(torch.tensor([(i - 1) / 4 for i in range(4)]))
//   for t in range(10):
//     w.grad = torch.tensor([((7 * t + 3 * i) % 11 - 5) / 8 for i in range(4)])
//     optimizer.step()
inline Parameter small_weight() {
  return Parameter(Tensor::from({4}, std::vector<float>{-0.25f, 0, 0.25f, 0.5f}), "small");
}
inline std::vector<float> small_gradient(int t) {
  std::vector<float> g;
  for (int i = 0; i < 4; ++i) g.push_back(static_cast<float>((7 * t + 3 * i) % 11 - 5) / 8);
  return g;
}

struct PyTorchSteps {
  std::vector<float> after1, after2, after10;  // the weights
};

template <class Optimizer, class Options>
void check_against_pytorch(const Options& options, const PyTorchSteps& expected) {
  Parameter w = small_weight();
  Optimizer optimizer(std::vector<Parameter>{w}, options);
  for (int t = 0; t < 10; ++t) {
    set_gradient(w, small_gradient(t));
    optimizer.step();
    if (t == 0) CHECK(largest_difference(w.to_vector(), expected.after1) < 1e-7);
    if (t == 1) CHECK(largest_difference(w.to_vector(), expected.after2) < 2e-7);
    if (t == 9) CHECK(largest_difference(w.to_vector(), expected.after10) < 5e-7);
  }
}

}  // namespace espalier::testing
