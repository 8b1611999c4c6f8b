// The gradient check itself: what is right passes, and each kind of mistake is found.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/autograd.h"
#include "tests/gradcheck.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

enum class Mistake {
  None,
  Value,
  Gradient,
  Assigns,
  LeavesOneOut,
  Padding,
  Halo,
  NotRecorded,
  UnwantedGradient,
  ChangesInput
};

// y = x^2, in memory order.
Tensor square(const Tensor& x, Mistake mistake) {
  Tensor y = Tensor::empty(x.shape(), x.layout());
  float* out = y.mutable_data();
  for (std::int64_t i = 0; i < x.storage_size(); ++i) out[i] = x.data()[i] * x.data()[i];
  if (mistake == Mistake::Value) out[0] += 1e-3f;
  if (mistake == Mistake::Halo) out[0] = 1;  // the corner, or the first value
  if (mistake == Mistake::ChangesInput) Tensor(x).mutable_data()[0] += 1;
  if (mistake == Mistake::NotRecorded) return y;
  return record(Op::Mul, y, {x}, [x, mistake](const Tensor& dy) {
    GradOut dx = grad_out(mistake == Mistake::UnwantedGradient ? Tensor() : x);
    if (!dx) return;
    if (mistake == Mistake::Assigns) dx.add = false;
    for (std::int64_t i = 0; i < x.storage_size(); ++i) {
      const float d = 2 * x.data()[i] * dy.data()[i] + (mistake == Mistake::Padding ? 1e-6f : 0);
      if (i != 3 || mistake != Mistake::LeavesOneOut) dx.data[i] = (dx.add ? dx.data[i] : 0) + d;
    }
    if (mistake == Mistake::Gradient) dx.data[0] *= 1.001f;
  });
}

GradCase square_case(const Shape& shape, Mistake mistake) {
  return {.op = Op::Mul,
          .inputs = {random_tensor(shape, 1)},
          .operation = [mistake](const auto& in) { return square(in[0], mistake); },
          .reference =
              [](const auto& in) {
                Values y = in[0];
                for (double& value : y) value *= value;
                return y;
              }};
}

}  // namespace

TEST_CASE("gradient check: passes what is right") {
  for (const Shape& shape : {Shape{7}, Shape{5, 3}, Shape{18, 2, 3, 2}})
    CHECK(gradient_errors(square_case(shape, Mistake::None)) == std::vector<std::string>{});
}

TEST_CASE("gradient check: finds each kind of mistake") {
  for (const Mistake mistake :
       {Mistake::Value, Mistake::Gradient, Mistake::Assigns, Mistake::LeavesOneOut,
        Mistake::NotRecorded, Mistake::UnwantedGradient, Mistake::ChangesInput}) {
    CAPTURE(static_cast<int>(mistake));
    CHECK_FALSE(gradient_errors(square_case({7}, mistake)).empty());
  }
  for (const Mistake mistake : {Mistake::Padding, Mistake::Halo}) {
    CAPTURE(static_cast<int>(mistake));
    CHECK_FALSE(gradient_errors(square_case({3, 2, 2, 2}, mistake)).empty());
  }
}

TEST_CASE("gradient check: does not pass by skipping kinks") {
  GradCase c = square_case({4}, Mistake::None);
  c.reference = [](const auto& in) {
    Values y = in[0];
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::max(y[i], in[0][i]);
    y[0] = in[0][0] >= 0.5 ? 1 : 0;
    return y;
  };
  c.inputs = {Tensor::full({4}, 0.5f)};
  const auto errors = gradient_errors(c);
  REQUIRE_FALSE(errors.empty());
  CHECK(errors[0].find("kink") != std::string::npos);
}
