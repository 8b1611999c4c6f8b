// Gradient check: the float32 values and gradients of an operation are held against a plain
// double-precision reference of it, which a test writes independently, and its central differences.
//
//   TEST_CASE("square") {
//     check_gradient({.op = Op::Mul,
//                     .inputs = {random_tensor({3, 4}, 1)},
//                     .operation = [](const auto& in) { return square(in[0]); },
//                     .reference = [](const auto& in) {
//                       Values y = in[0];
//                       for (double& value : y) value *= value;
//                       return y;
//                     }});
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/operation.h"
#include "core/tensor.h"

namespace espalier::testing {

using Values = std::vector<double>;  // row-major
using Reference = std::function<Values(const std::vector<Values>&)>;

struct GradCase {
  Op op;                       // which has to stand on the tape of the result
  std::vector<Tensor> inputs;  // only their values count; a few hundred elements at most
  // Called many times, each time on fresh copies of the inputs, and never changes those that are
  // differentiable. The same inputs give the same result: random numbers from a fixed seed.
  std::function<Tensor(const std::vector<Tensor>&)> operation;
  Reference reference;
  // Largest error allowed, as a share of the largest value (or gradient) of the tensor.
  double tolerance = 2e-5;
  std::vector<bool> differentiable = {};  // one an input; empty: all are
  // Inputs that are tried in lanes too, where their rank is 2 or 4: choose a batch that is no
  // multiple of the lanes, and sometimes one larger than 16.
  std::vector<int> activations = {0};
  std::map<int, std::vector<std::uint8_t>> masks = {};  // inputs that are masked parameters
};

// Compares every value and every element of every gradient: in row-major order and in lanes of
// several kinds; with each input alone requiring a gradient; with a gradient already there, to
// which has to be added; with the operation standing on the tape twice; in memory full of NaN,
// with anything finite in the padding lanes. Halos, and gradients in padding lanes, have to be
// zero. Elements at a kink of the reference are left out, and are a failure if there are many.
void check_gradient(const GradCase& c);
// What it would complain about, without complaining.
std::vector<std::string> gradient_errors(const GradCase& c);

// Names of the operations in core/operation.h that check_gradient() was never called for.
std::vector<std::string> unchecked_operations();

// Uniform in [low, high); the same for the same seed.
Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low = -2, float high = 2);

// Fills memory that the next tensors are likely to get with NaN.
void poison_free_memory();

}  // namespace espalier::testing
