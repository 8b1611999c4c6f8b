// Elementwise arithmetic: values and gradients of every operation, on broadcast shapes too, and
// what happens at the edges of their domains.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/reduce.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::random_tensor;
using testing::Values;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// ---- One operand ---------------------------------------------------------------

struct Unary {
  Op op;
  std::function<Tensor(const Tensor&)> operation;
  std::function<double(double)> value;
  float low = -2, high = 2;  // of the values it is tried on
};

const std::vector<Unary>& unary_operations() {
  static const std::vector<Unary> operations = {
      {Op::Scale, [](const Tensor& x) { return scale(x, -1.5f); },
       [](double v) { return -1.5 * v; }},
      {Op::Shift, [](const Tensor& x) { return shift(x, 0.75f); },
       [](double v) { return v + 0.75; }},
      {Op::Pow, [](const Tensor& x) { return pow(x, 2); }, [](double v) { return v * v; }},
      {Op::Pow, [](const Tensor& x) { return pow(x, 3); }, [](double v) { return v * v * v; }},
      {Op::Pow, [](const Tensor& x) { return pow(x, 0); }, [](double) { return 1.0; }},
      {Op::Pow, [](const Tensor& x) { return pow(x, -0.5f); },
       [](double v) { return 1 / std::sqrt(v); }, 0.5f, 3},
      {Op::Exp, [](const Tensor& x) { return exp(x); }, [](double v) { return std::exp(v); }},
      {Op::Log, [](const Tensor& x) { return log(x); }, [](double v) { return std::log(v); }, 0.5f,
       3},
      {Op::Sqrt, [](const Tensor& x) { return sqrt(x); }, [](double v) { return std::sqrt(v); },
       0.5f, 3},
      {Op::Abs, [](const Tensor& x) { return abs(x); }, [](double v) { return std::abs(v); }},
      {Op::Sigmoid, [](const Tensor& x) { return sigmoid(x); },
       [](double v) { return 1 / (1 + std::exp(-v)); }, -6, 6},
      {Op::Relu6, [](const Tensor& x) { return relu6(x); },
       [](double v) { return std::clamp(v, 0.0, 6.0); }, -4, 8},
      {Op::Silu, [](const Tensor& x) { return silu(x); },
       [](double v) { return v / (1 + std::exp(-v)); }, -6, 6},
      {Op::Tanh, [](const Tensor& x) { return tanh(x); }, [](double v) { return std::tanh(v); }},
      {Op::Clamp, [](const Tensor& x) { return clamp(x, -0.5f, 1); },
       [](double v) { return v < -0.5 ? -0.5
                             : v > 1  ? 1
                                      : v; }}};
  return operations;
}

TEST_CASE("elementwise: values and gradients of every operation on one tensor") {
  for (const Unary& unary : unary_operations())
    for (const Shape& shape : {Shape{7}, Shape{2, 3, 5}, Shape{18, 3}, Shape{5, 2, 3, 2}, Shape{}})
      check_gradient({.op = unary.op,
                      .inputs = {random_tensor(shape, 3, unary.low, unary.high)},
                      .operation = [&](const auto& in) { return unary.operation(in[0]); },
                      .reference =
                          [&](const std::vector<Values>& in) {
                            Values y = in[0];
                            for (double& value : y) value = unary.value(value);
                            return y;
                          }});
}

TEST_CASE("elementwise: NaN stays NaN in every operation") {
  const Tensor x = Tensor::from({2}, std::vector{kNaN, 1.0f});
  for (const Unary& unary : unary_operations()) {
    CAPTURE(name(unary.op));
    const auto y = unary.operation(x).to_vector();
    const bool constant = unary.value(std::nan("")) == 1;  // pow(x, 0)
    CHECK(std::isnan(y[0]) == !constant);
    CHECK(std::isfinite(y[1]));
  }
  const Tensor one = Tensor::scalar(1);
  for (const auto operation : {add, sub, mul, div}) {
    CHECK(std::isnan(operation(x, one).to_vector()[0]));
    CHECK(std::isnan(operation(one, x).to_vector()[0]));
  }
}

// The gradient of the sum of an operation's result, at one value.
template <class Operation>
float slope(const Operation& operation, float at) {
  Tensor x = Tensor::scalar(at);
  x.set_requires_grad();
  operation(x).backward();
  return x.grad().item();
}

TEST_CASE("elementwise: gradients at the edges of a domain") {
  CHECK(slope([](const Tensor& x) { return abs(x); }, 0) == 0);
  const auto clamped = [](const Tensor& x) { return clamp(x, -1, 2); };
  CHECK(slope(clamped, -1) == 1);
  CHECK(slope(clamped, 2) == 1);
  CHECK(slope(clamped, 2.5f) == 0);
  CHECK(slope([](const Tensor& x) { return pow(x, 0); }, 0) == 0);
  CHECK(slope([](const Tensor& x) { return pow(x, 1); }, 0) == 1);
  CHECK(slope([](const Tensor& x) { return sqrt(x); }, 0) == kInfinity);
  CHECK(slope([](const Tensor& x) { return log(x); }, 0) == kInfinity);
  // Where an exponential is beyond the range of floats the function is flat.
  for (const float far : {-200.0f, 200.0f}) {
    CHECK(slope([](const Tensor& x) { return sigmoid(x); }, far) == 0);
    CHECK(slope([](const Tensor& x) { return tanh(x); }, far) == 0);
  }
  CHECK(sigmoid(Tensor::scalar(-200)).item() == 0);
  CHECK(sigmoid(Tensor::scalar(200)).item() == 1);
}

TEST_CASE("scale: tensors in lanes stay there, but for a factor that is not finite") {
  const Tensor x = to_lanes(random_tensor({3, 2, 4, 4}, 4));
  CHECK(scale(x, 2).layout() == x.layout());
  for (const float factor : {kInfinity, kNaN}) CHECK(scale(x, factor).layout().plain());
}

// ---- Two operands ----------------------------------------------------------------

// The plain reference of broadcasting: every index of the result, taken apart.
template <class Value>
Values broadcast(const Shape& a, const Shape& b, const Shape& y, const Values& in_a,
                 const Values& in_b, const Value& value) {
  Values out(static_cast<std::size_t>(y.numel()));
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    std::int64_t rest = i, at_a = 0, at_b = 0, step_a = 1, step_b = 1;
    for (int from_end = 1; from_end <= y.rank(); ++from_end) {
      const std::int64_t at = rest % y[-from_end];
      rest /= y[-from_end];
      if (from_end <= a.rank()) {
        at_a += (a[-from_end] == 1 ? 0 : at) * step_a;
        step_a *= a[-from_end];
      }
      if (from_end <= b.rank()) {
        at_b += (b[-from_end] == 1 ? 0 : at) * step_b;
        step_b *= b[-from_end];
      }
    }
    out[i] = value(in_a[at_a], in_b[at_b]);
  }
  return out;
}

struct Binary {
  Op op;
  Tensor (*operation)(const Tensor&, const Tensor&);
  double (*value)(double, double);
};

constexpr Binary kBinary[] = {{Op::Add, add, [](double a, double b) { return a + b; }},
                              {Op::Sub, sub, [](double a, double b) { return a - b; }},
                              {Op::Mul, mul, [](double a, double b) { return a * b; }},
                              {Op::Div, div, [](double a, double b) { return a / b; }}};

struct Shapes {
  Shape a, b, y;
};

TEST_CASE("elementwise: values and gradients of two operands of every pair of shapes") {
  const Shapes all[] = {{{3, 4}, {3, 4}, {3, 4}},
                        {{}, {}, {}},
                        {{}, {2, 3}, {2, 3}},
                        {{5, 3}, {3}, {5, 3}},
                        {{3}, {5, 3}, {5, 3}},
                        {{1, 1}, {1}, {1, 1}},
                        {{4, 1}, {1, 5}, {4, 5}},
                        {{4, 1, 3}, {1, 5, 1}, {4, 5, 3}},
                        {{2, 1, 3, 1}, {5, 1, 4}, {2, 5, 3, 4}},
                        {{2, 3, 4, 1}, {3, 1, 1}, {2, 3, 4, 1}},
                        {{17, 2, 3, 2}, {1, 2, 1, 1}, {17, 2, 3, 2}},
                        {{17, 2, 1, 1}, {17, 2, 2, 2}, {17, 2, 2, 2}},
                        {{0, 3}, {1, 3}, {0, 3}},
                        {{2, 0, 3}, {1, 1, 1}, {2, 0, 3}}};
  for (const Binary& binary : kBinary)
    for (const Shapes& s : all)
      check_gradient({.op = binary.op,
                      .inputs = {random_tensor(s.a, 5), random_tensor(s.b, 6, 0.5f, 2)},
                      .operation = [&](const auto& in) { return binary.operation(in[0], in[1]); },
                      .reference =
                          [&](const std::vector<Values>& in) {
                            return broadcast(s.a, s.b, s.y, in[0], in[1], binary.value);
                          }});
}

TEST_CASE("elementwise: operands in lanes, and a parameter with a mask") {
  for (const Binary& binary : kBinary)
    for (const Shape& shape : {Shape{18, 3}, Shape{17, 2, 3, 2}}) {
      const auto reference = [&](const std::vector<Values>& in) {
        return broadcast(shape, shape, shape, in[0], in[1], binary.value);
      };
      const std::vector<Tensor> inputs = {random_tensor(shape, 7),
                                          random_tensor(shape, 8, 0.5f, 2)};
      for (const std::vector<int>& in_lanes : {std::vector{0, 1}, std::vector{1}})
        check_gradient({.op = binary.op,
                        .inputs = inputs,
                        .operation = [&](const auto& in) { return binary.operation(in[0], in[1]); },
                        .reference = reference,
                        .activations = in_lanes});
      check_gradient(  // as if both lay in lanes, with another halo each
          {.op = binary.op,
           .inputs = inputs,
           .operation =
               [&](const auto& in) {
                 return binary.operation(to_layout(in[0], {simd_lanes(), 1}), to_lanes(in[1]));
               },
           .reference = reference});
    }
  check_gradient({.op = Op::Mul,
                  .inputs = {random_tensor({5, 3}, 9), random_tensor({3}, 10)},
                  .operation = [](const auto& in) { return in[0] * in[1]; },
                  .reference =
                      [](const std::vector<Values>& in) {
                        return broadcast({5, 3}, {3}, {5, 3}, in[0], in[1], kBinary[2].value);
                      },
                  .masks = {{1, {1, 0, 1}}}});
}

TEST_CASE("elementwise: one tensor as both operands gets both gradients") {
  check_gradient({.op = Op::Mul,
                  .inputs = {random_tensor({3, 5}, 11)},
                  .operation = [](const auto& in) { return in[0] * in[0] - in[0]; },
                  .reference =
                      [](const std::vector<Values>& in) {
                        Values y = in[0];
                        for (double& v : y) v = v * v - v;
                        return y;
                      }});
}

TEST_CASE("elementwise: sums of tensors in lanes stay there") {
  const Tensor a = to_lanes(random_tensor({3, 2, 4, 4}, 12));
  const Tensor b = to_layout(random_tensor({3, 2, 4, 4}, 13), {1, 2});
  CHECK((a + a).layout() == a.layout());
  CHECK((a - b).layout() == a.layout());
  CHECK((a * a).layout().plain());
}

TEST_CASE("elementwise: shapes so large that threads share them") {
  const Shapes all[] = {{{300, 251}, {251}, {300, 251}},
                        {{300, 251}, {300, 1}, {300, 251}},
                        {{300, 1}, {1, 251}, {300, 251}},
                        {{7, 1, 41, 1}, {7, 59, 1, 11}, {7, 59, 41, 11}}};
  for (const Shapes& s : all) {
    Tensor a = random_tensor(s.a, 14), b = random_tensor(s.b, 15);
    a.set_requires_grad(), b.set_requires_grad();
    const Tensor y = a * b;
    const auto va = a.to_vector(), vb = b.to_vector();
    const Values da(va.begin(), va.end()), db(vb.begin(), vb.end());
    const Values expected = broadcast(s.a, s.b, s.y, da, db, kBinary[2].value);
    const auto found = y.to_vector();
    REQUIRE(found.size() == expected.size());
    double worst = 0, total = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      worst = std::max(worst, std::abs(found[i] - expected[i]));
      total += expected[i];
    }
    CHECK(worst < 1e-6);
    // sum(a * b) is linear in each: its gradient times the operand is the sum again.
    sum(y).backward();
    for (const Tensor& x : {a, b}) {
      const auto values = x.to_vector(), gradient = x.grad().to_vector();
      double product = 0;
      for (std::size_t i = 0; i < values.size(); ++i) product += double{values[i]} * gradient[i];
      CHECK(product == doctest::Approx(total).epsilon(1e-4));
    }
  }
}

TEST_CASE("elementwise: operators are the functions they stand for") {
  const Tensor x = Tensor::from({2}, std::vector{2.0f, -4.0f});
  const Tensor y = Tensor::from({2}, std::vector{0.5f, 8.0f});
  using Floats = std::vector<float>;
  CHECK((x + y).to_vector() == Floats{2.5f, 4});
  CHECK((x - y).to_vector() == Floats{1.5f, -12});
  CHECK((x * y).to_vector() == Floats{1, -32});
  CHECK((x / y).to_vector() == Floats{4, -0.5f});
  CHECK((x * 3).to_vector() == Floats{6, -12});
  CHECK((3 * x).to_vector() == Floats{6, -12});
  CHECK((x / 2).to_vector() == Floats{1, -2});
  CHECK((x + 1).to_vector() == Floats{3, -3});
  CHECK((1 + x).to_vector() == Floats{3, -3});
  CHECK((x - 1).to_vector() == Floats{1, -5});
  CHECK((1 - x).to_vector() == Floats{-1, 5});
  CHECK((-x).to_vector() == Floats{-2, 4});
}

TEST_CASE("elementwise: errors name the operation, what was found and expected") {
  CHECK_THROWS_WITH_AS(add(Tensor::zeros({2, 3}), Tensor::zeros({4})),
                       "add: found shapes [2, 3] and [4], expected sizes that are equal or 1, "
                       "counted from the last",
                       Error);
  CHECK_THROWS_WITH_AS(div(Tensor::zeros({2}), Tensor::zeros({0})),
                       doctest::Contains("div: found shapes [2] and [0]"), Error);
  CHECK_THROWS_WITH_AS(clamp(Tensor::scalar(0), 1, 0),
                       "clamp: found bounds 1 and 0, expected the lower one first", Error);
  CHECK_THROWS_AS(clamp(Tensor::scalar(0), kNaN, 0), Error);
  CHECK_THROWS_AS(exp(Tensor()), Error);
  CHECK_THROWS_AS(add(Tensor(), Tensor::scalar(0)), Error);
}

}  // namespace
}  // namespace espalier
