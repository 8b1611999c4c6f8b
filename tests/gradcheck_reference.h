// What a gradient check expects: the values of the double-precision reference and its central
// differences. Knows nothing of the operation itself.
#pragma once

#include <vector>

#include "tests/gradcheck.h"

namespace espalier::testing {

struct Expected {
  Values output;
  std::vector<float> weights;      // random; the loss of the check is sum(output * weights)
  std::vector<Values> gradients;   // of that loss, one an input; NaN at kinks
  std::vector<std::size_t> kinks;  // how many there are, one an input
};

Expected expect(const GradCase& c);

bool differentiable(const GradCase& c, std::size_t input);

}  // namespace espalier::testing
