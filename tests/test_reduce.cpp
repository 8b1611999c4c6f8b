// Reductions, softmax, products and changes of shape.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::random_tensor;
using testing::Values;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Calls body(the elements of one line) for every line along a dimension, outermost first.
template <class Body>
void for_lines(const Shape& shape, int dim, const Values& x, const Body& body) {
  std::int64_t inner = 1;
  for (int i = dim + 1; i < shape.rank(); ++i) inner *= shape[i];
  const std::int64_t lines = shape.numel() / shape[dim];
  for (std::int64_t line = 0; line < lines; ++line) {
    Values elements;
    for (std::int64_t k = 0; k < shape[dim]; ++k)
      elements.push_back(x[(line / inner * shape[dim] + k) * inner + line % inner]);
    body(elements);
  }
}

double sum_of(const Values& x) {
  double total = 0;
  for (const double value : x) total += value;
  return total;
}
double mean_of(const Values& x) { return sum_of(x) / static_cast<double>(x.size()); }
double max_of(const Values& x) { return *std::max_element(x.begin(), x.end()); }

struct Reduction {
  Op op;
  Tensor (*all)(const Tensor&);
  Tensor (*over)(const Tensor&, int, bool);
  double (*value)(const Values&);
};
constexpr Reduction kReductions[] = {
    {Op::Sum, sum, sum, sum_of}, {Op::Mean, mean, mean, mean_of}, {Op::Max, max, max, max_of}};

const Shape kShapes[] = {{7}, {1, 1}, {18, 3}, {2, 3, 5}, {17, 2, 3, 2}, {1, 13, 1, 1}};

TEST_CASE("reductions: values and gradients over everything") {
  for (const Reduction& reduction : kReductions)
    for (const Shape& shape : {Shape{}, Shape{7}, Shape{18, 3}, Shape{17, 2, 3, 2}})
      check_gradient({.op = reduction.op,
                      .inputs = {random_tensor(shape, 1)},
                      .operation = [&](const auto& in) { return reduction.all(in[0]); },
                      .reference = [&](const auto& in) { return Values{reduction.value(in[0])}; }});
}

TEST_CASE("reductions: values and gradients over every dimension") {
  for (const Reduction& reduction : kReductions)
    for (const Shape& shape : kShapes)
      for (int dim = 0; dim < shape.rank(); ++dim)
        for (const bool keep : {false, true}) {
          Shape expected = shape.without(dim);
          if (keep) (expected = shape).set(dim, 1);
          const int given = keep ? dim - shape.rank() : dim;  // counted from the end
          const Tensor x = random_tensor(shape, 2);
          CHECK(reduction.over(x, given, keep).shape() == expected);
          check_gradient(
              {.op = reduction.op,
               .inputs = {x},
               .operation = [&](const auto& in) { return reduction.over(in[0], given, keep); },
               .reference =
                   [&](const auto& in) {
                     Values y;
                     for_lines(shape, dim, in[0],
                               [&](const Values& line) { y.push_back(reduction.value(line)); });
                     return y;
                   }});
        }
}

TEST_CASE("max: the first maximum takes the gradient, and NaN wins") {
  Tensor x = Tensor::from({2, 4}, std::vector<float>{1, 3, 3, 2, 5, 5, 5, 5});
  x.set_requires_grad();
  sum(max(x, 1)).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{0, 1, 0, 0, 1, 0, 0, 0});
  x.zero_grad();
  max(x).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{0, 0, 0, 0, 1, 0, 0, 0});
  const Tensor odd = Tensor::from({4}, std::vector<float>{kInfinity, kNaN, 5, kNaN});
  CHECK(std::isnan(max(odd).item()));
  CHECK(max(Tensor::full({3}, -kInfinity)).item() == -kInfinity);
}

TEST_CASE("reductions: of nothing") {
  const Tensor none = Tensor::zeros({2, 0, 3});
  CHECK(sum(none).item() == 0);
  CHECK(sum(none, 1).to_vector() == std::vector<float>(6, 0));
  CHECK(sum(none, 0).shape() == Shape{0, 3});
  CHECK(std::isnan(mean(none).item()));
  CHECK(max(none, 0).numel() == 0);
  CHECK_THROWS_WITH_AS(max(none),
                       "max: found a tensor of shape [2, 0, 3], expected at least one element to "
                       "choose from",
                       Error);
  CHECK_THROWS_AS(max(none, 1), Error);
}

TEST_CASE("sum: long sums are exact to the last digit, with any number of threads") {
  constexpr std::int64_t kCount = 1'000'003;
  const int threads = num_threads();
  const Tensor x = random_tensor({kCount}, 3, -1, 3);
  double expected = 0;
  for (const float value : x.to_vector()) expected += value;
  for (const int count : {1, 2, 3}) {
    set_num_threads(count);
    CHECK(sum(x).item() == static_cast<float>(expected));
    CHECK(mean(x).item() == static_cast<float>(expected / kCount));
  }
  set_num_threads(threads);
  const Tensor wide = random_tensor({3, 700, 601}, 4, -1, 3);
  for (const int dim : {0, 1, 2}) {
    std::vector<Tensor> found;
    for (const int count : {1, 2}) {
      set_num_threads(count);
      found.push_back(sum(wide, dim));
    }
    set_num_threads(threads);
    CHECK(found[0].to_vector() == found[1].to_vector());
    const auto values = wide.to_vector();
    std::vector<float> sums;
    for_lines(wide.shape(), dim, Values(values.begin(), values.end()),
              [&](const Values& line) { sums.push_back(static_cast<float>(sum_of(line))); });
    CHECK(found[0].to_vector() == sums);
  }
}

// ---- Softmax ---------------------------------------------------------------------

Values log_softmax_of(const Values& line) {
  double total = 0;
  for (const double value : line) total += std::exp(value);
  Values y = line;
  for (double& value : y) value -= std::log(total);
  return y;
}

TEST_CASE("softmax: values and gradients over every dimension") {
  for (const Shape& shape : kShapes)
    for (int dim = 0; dim < shape.rank(); ++dim)
      for (const bool logarithm : {true, false}) {
        const auto reference = [&](const std::vector<Values>& in) {
          Values y(in[0].size());
          std::int64_t inner = 1, line = 0;
          for (int i = dim + 1; i < shape.rank(); ++i) inner *= shape[i];
          for_lines(shape, dim, in[0], [&](const Values& elements) {
            const Values logs = log_softmax_of(elements);
            for (std::int64_t k = 0; k < shape[dim]; ++k)
              y[(line / inner * shape[dim] + k) * inner + line % inner] =
                  logarithm ? logs[k] : std::exp(logs[k]);
            ++line;
          });
          return y;
        };
        check_gradient({.op = Op::LogSoftmax,
                        .inputs = {random_tensor(shape, 5, -4, 4)},
                        .operation =
                            [&](const auto& in) {
                              return logarithm ? log_softmax(in[0], dim) : softmax(in[0], dim);
                            },
                        .reference = reference});
      }
}

TEST_CASE("softmax: large values do not overflow, NaN stays in its line") {
  const Tensor x = Tensor::from({3, 3}, std::vector<float>{1e30f, -1e30f, 0, 1000, 1001, 1000,  //
                                                           -kInfinity, 0, 0});
  const auto y = log_softmax(x).to_vector();
  CHECK(y[0] == 0);
  CHECK(y[1] == -2e30f);
  CHECK(y[3] == doctest::Approx(-1 - std::log(1 + 2 * std::exp(-1.0))).epsilon(1e-6));
  CHECK(y[4] == doctest::Approx(-std::log(1 + 2 * std::exp(-1.0))).epsilon(1e-6));
  CHECK(y[6] == -kInfinity);
  CHECK(y[7] == doctest::Approx(-std::log(2.0)));
  CHECK(softmax(x).to_vector()[6] == 0);
  const auto odd = softmax(Tensor::from({2, 2}, std::vector<float>{kNaN, 1, 1, 1})).to_vector();
  CHECK(std::isnan(odd[0]));
  CHECK(std::isnan(odd[1]));
  CHECK(odd[2] == doctest::Approx(0.5));
}

// ---- Products and shapes -----------------------------------------------------------

TEST_CASE("matmul: values and gradients") {
  const Shape shapes[] = {{1, 1, 1}, {3, 4, 5}, {17, 2, 1}, {1, 7, 3}, {5, 1, 6}};
  for (const Shape& s : shapes)
    check_gradient({.op = Op::MatMul,
                    .inputs = {random_tensor({s[0], s[1]}, 6), random_tensor({s[1], s[2]}, 7)},
                    .operation = [](const auto& in) { return matmul(in[0], in[1]); },
                    .reference =
                        [&](const std::vector<Values>& in) {
                          Values y(static_cast<std::size_t>(s[0] * s[2]));
                          for (int m = 0; m < s[0]; ++m)
                            for (int k = 0; k < s[1]; ++k)
                              for (int n = 0; n < s[2]; ++n)
                                y[m * s[2] + n] += in[0][m * s[1] + k] * in[1][k * s[2] + n];
                          return y;
                        },
                    .activations = {0, 1}});
}

TEST_CASE("matmul: sides of zero, and the square of one matrix") {
  Tensor a = Tensor::zeros({3, 0}), b = Tensor::zeros({0, 2});
  a.set_requires_grad(), b.set_requires_grad();
  const Tensor y = matmul(a, b);
  CHECK(y.to_vector() == std::vector<float>(6, 0));
  sum(y).backward();
  CHECK(a.grad().shape() == Shape{3, 0});
  CHECK(matmul(b, random_tensor({2, 4}, 8)).shape() == Shape{0, 4});
  check_gradient({.op = Op::MatMul,
                  .inputs = {random_tensor({2, 2}, 9)},
                  .operation = [](const auto& in) { return matmul(in[0], in[0]); },
                  .reference =
                      [](const std::vector<Values>& in) {
                        const Values& x = in[0];
                        return Values{x[0] * x[0] + x[1] * x[2], x[0] * x[1] + x[1] * x[3],
                                      x[2] * x[0] + x[3] * x[2], x[2] * x[1] + x[3] * x[3]};
                      }});
}

TEST_CASE("transpose: values and gradients") {
  for (const Shape& s : {Shape{1, 1}, Shape{5, 3}, Shape{1, 9}, Shape{37, 2}})
    check_gradient({.op = Op::Transpose,
                    .inputs = {random_tensor(s, 10)},
                    .operation = [](const auto& in) { return transpose(in[0]); },
                    .reference =
                        [&](const std::vector<Values>& in) {
                          Values y;
                          for (int column = 0; column < s[1]; ++column)
                            for (int row = 0; row < s[0]; ++row)
                              y.push_back(in[0][row * s[1] + column]);
                          return y;
                        }});
  const Tensor x = random_tensor({65, 130}, 11);
  const auto from = x.to_vector(), to = transpose(x).to_vector();
  std::int64_t wrong = 0;
  for (int row = 0; row < 65; ++row)
    for (int column = 0; column < 130; ++column)
      wrong += to[column * 65 + row] != from[row * 130 + column];
  CHECK(wrong == 0);
  CHECK(transpose(Tensor::zeros({0, 4})).shape() == Shape{4, 0});
}

TEST_CASE("reshape: values and gradients, without a copy") {
  const auto same_values = [](const std::vector<Values>& in) { return in[0]; };
  for (const Shape& to : {Shape{204}, Shape{4, 51}, Shape{2, 17, 6}, Shape{1, 204, 1, 1}})
    check_gradient({.op = Op::Reshape,
                    .inputs = {random_tensor({17, 2, 3, 2}, 12)},
                    .operation = [to](const auto& in) { return reshape(in[0], to); },
                    .reference = same_values});
  const Tensor x = random_tensor({6}, 13);
  CHECK(reshape(x, {2, 3}).data() == x.data());
  CHECK(reshape(Tensor::scalar(3), {1, 1}).shape() == Shape{1, 1});
  check_gradient({.op = Op::Reshape,  // through a view of a masked parameter
                  .inputs = {random_tensor({4}, 14)},
                  .operation =
                      [](const auto& in) {
                        return reshape(in[0], {2, 2});
                      },
                  .reference = same_values,
                  .masks = {{0, {1, 0, 0, 1}}}});
}

TEST_CASE("argmax: the first of the largest, in every layout") {
  const Tensor x = Tensor::from({5, 3}, std::vector<float>{1, 3, 3,  //
                                                           2, 2, 2,  //
                                                           -1, -3, -0.5f, kInfinity, kNaN, 4,
                                                           -kInfinity, -kInfinity, -kInfinity});
  const std::vector<int> expected = {1, 0, 2, 1, 0};  // NaN counts as the largest
  CHECK(argmax(x) == expected);
  for (const int lanes : {1, simd_lanes()}) CHECK(argmax(to_layout(x, {lanes, 0})) == expected);
  CHECK(argmax(Tensor::zeros({0, 3})).empty());
  const Tensor many = random_tensor({37, 11}, 15);
  CHECK(argmax(to_lanes(many)) == argmax(many));
}

TEST_CASE("reductions: errors name what was found and expected") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(sum(x, 2), "shape [2, 3]: found dimension 2, expected one of its 2", Error);
  CHECK_THROWS_AS(mean(x, -3), Error);
  CHECK_THROWS_AS(log_softmax(Tensor::scalar(1)), Error);
  CHECK_THROWS_WITH_AS(matmul(x, x),
                       "matmul: found shapes [2, 3] and [2, 3], expected [M, K] and [K, N]", Error);
  CHECK_THROWS_AS(matmul(x, Tensor::zeros({3})), Error);
  CHECK_THROWS_WITH_AS(transpose(Tensor::zeros({2})),
                       "transpose: found a tensor of shape [2], expected two dimensions", Error);
  CHECK_THROWS_WITH_AS(reshape(x, {4}),
                       "reshape: found shape [4], expected one of the 6 elements of [2, 3]", Error);
  CHECK_THROWS_WITH_AS(argmax(Tensor::zeros({2, 0})),
                       "argmax: found a tensor of shape [2, 0], expected [N, K] with K of at least "
                       "1",
                       Error);
  CHECK_THROWS_AS(argmax(Tensor::zeros({2})), Error);
  CHECK_THROWS_AS(sum(Tensor()), Error);
}

}  // namespace
}  // namespace espalier
