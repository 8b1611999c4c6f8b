// The sparse fully connected layer against the dense one whose weight has zeros elsewhere.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/linear.h"
#include "core/ops/sparse_linear.h"
#include "core/parallel.h"
#include "tests/gradcheck.h"
#include "tests/sparse_masks.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

struct Case {
  std::int64_t images, inputs, outputs;
};

// Results and gradients of one step, and of a second one that adds to the gradients.
struct Step {
  Tensor y, dx, dw, db;
};
template <class Operation>
Step step(const Tensor& x, const Tensor& weight, const Tensor& bias, const Operation& operation) {
  const Tensor leaf = x.clone().set_requires_grad();
  const Tensor w = weight.clone().set_requires_grad(), b = bias.clone().set_requires_grad();
  Tensor y;
  for (int times = 0; times < 2; ++times) {
    y = operation(leaf, w, b);
    const Tensor dy = to_layout(random_tensor(y.shape(), 9), y.layout());
    record(Op::Sum, Tensor::scalar(0), {y}, [y, dy](const Tensor&) {
      std::copy_n(dy.data(), dy.storage_size(), grad_out(y).data);
    }).backward();
  }
  return {y.detach(), leaf.grad(), w.grad(), b.grad()};
}

Step sparse_step(const Tensor& x, const Tensor& values, const Pattern& pattern,
                 const Tensor& bias) {
  return step(x, values, bias, [&](const Tensor& in, const Tensor& w, const Tensor& b) {
    return sparse_linear(in, w, pattern, b);
  });
}

// The largest difference, as a share of the largest element.
double difference(const Tensor& found, const Tensor& expected) {
  const auto a = found.to_vector(), b = expected.to_vector();
  REQUIRE(a.size() == b.size());
  double worst = 0, largest = 1e-3;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(double{a[i]} - b[i]));
    largest = std::max(largest, std::abs(double{b[i]}));
  }
  return worst / largest;
}

void compare_with_dense(const Case& c, const std::vector<std::uint8_t>& kept) {
  const Pattern pattern = pattern_of({c.outputs, c.inputs}, kept);
  const Tensor values = random_tensor({pattern->nonzero()}, 1);
  const Tensor x = random_tensor({c.images, c.inputs}, 2), bias = random_tensor({c.outputs}, 3);
  const Tensor dense = scatter(values, *pattern);
  INFO(c.images, " images, ", c.inputs, " -> ", c.outputs, ", ", pattern->nonzero(), " nonzero");
  const Step found = sparse_step(x, values, pattern, bias);
  const Step expected = step(x, dense, bias, linear);
  CHECK(difference(found.y, expected.y) < 1e-5);
  CHECK(difference(found.dx, expected.dx) < 1e-5);
  CHECK(difference(found.dw, gather(expected.dw, *pattern)) < 1e-5);
  CHECK(difference(found.db, expected.db) < 1e-5);
  NoGrad off;
  CHECK(difference(sparse_linear(x, values, pattern, bias), expected.y) < 1e-5);
  CHECK(difference(sparse_linear(x, values, pattern), linear(x, dense)) < 1e-5);
}

}  // namespace

TEST_CASE("sparse linear: gradients by central differences") {
  for (const int n : {1, 5, 17})
    for (const bool with_bias : {false, true}) {
      constexpr int kInputs = 7, kOutputs = 5;
      const Pattern pattern = pattern_of({kOutputs, kInputs}, random_mask(35, 0.4, 4));
      std::vector<Tensor> inputs = {random_tensor({n, kInputs}, 1),
                                    random_tensor({pattern->nonzero()}, 2)};
      if (with_bias) inputs.push_back(random_tensor({kOutputs}, 3));
      check_gradient({.op = Op::SparseLinear,
                      .inputs = inputs,
                      .operation =
                          [=](const std::vector<Tensor>& in) {
                            return sparse_linear(in[0], in[1], pattern,
                                                 with_bias ? in[2] : Tensor());
                          },
                      .reference =
                          [=](const std::vector<Values>& in) {
                            Values y(static_cast<std::size_t>(n) * kOutputs);
                            for (int i = 0; i < n; ++i) {
                              for (int o = 0; o < kOutputs; ++o)
                                y[i * kOutputs + o] = with_bias ? in[2][o] : 0;
                              pattern->each([&](std::int64_t k, std::int64_t element) {
                                y[i * kOutputs + element / kInputs] +=
                                    in[1][k] * in[0][i * kInputs + element % kInputs];
                              });
                            }
                            return y;
                          }});
    }
}

TEST_CASE("sparse linear: as the dense one, whatever the sizes and the density") {
  for (const Case& c : {Case{1, 300, 70}, {3, 65, 9}, {17, 64, 33}, {128, 301, 130}, {500, 70, 19}})
    for (const double density : {0.0, 0.01, 0.1, 0.5, 1.0})
      compare_with_dense(c, random_mask(c.inputs * c.outputs, density, 5));
  for (const std::int64_t images : {2, 4, 31, 100, 144, 289})  // tiles of all widths
    compare_with_dense({images, 130, 7}, random_mask(130 * 7, 0.3, 6));
  compare_with_dense({20, 1, 1}, {1});
}

TEST_CASE("sparse linear: one value, and rows without any") {
  std::vector<std::uint8_t> one(5 * 200, 0), rows = random_mask(40 * 200, 0.2, 7);
  one[3 * 200 + 199] = 1;
  for (int o = 0; o < 40; o += 3) std::fill_n(rows.begin() + o * 200, 200, 0);
  for (const std::int64_t images : {1, 17, 128}) {
    compare_with_dense({images, 200, 5}, one);
    compare_with_dense({images, 200, 40}, rows);
  }
}

TEST_CASE("sparse linear: the same bits with one thread and with two") {
  const int before = num_threads();
  for (const std::int64_t images : {1, 128, 200}) {
    const Pattern pattern = pattern_of({300, 500}, random_mask(300 * 500, 0.1, 8));
    const Tensor values = random_tensor({pattern->nonzero()}, 1), bias = random_tensor({300}, 3);
    const Tensor x = random_tensor({images, 500}, 2);
    std::vector<std::vector<float>> bits[2];
    for (const int threads : {1, 2}) {
      set_num_threads(threads);
      const Step s = sparse_step(x, values, pattern, bias);
      for (const Tensor& t : {s.y, s.dx, s.dw, s.db}) bits[threads - 1].push_back(t.to_vector());
      NoGrad off;
      bits[threads - 1].push_back(sparse_linear(x, values, pattern, bias).to_vector());
    }
    CHECK(bits[0] == bits[1]);
  }
  set_num_threads(before);
}

TEST_CASE("sparse linear: a warm step asks the system for no memory") {
  for (const std::int64_t images : {1, 128, 200}) {
    const Pattern pattern = pattern_of({64, 300}, random_mask(64 * 300, 0.1, 8));
    const Tensor values = random_tensor({pattern->nonzero()}, 1), bias = random_tensor({64}, 3);
    const Tensor x = random_tensor({images, 300}, 2);
    const auto use = [&] {
      sparse_step(x, values, pattern, bias);
      NoGrad off;
      sparse_linear(x, values, pattern, bias);
    };
    use(), use();
    const auto requests = memory_statistics().system_requests;
    use(), use();
    CHECK(memory_statistics().system_requests == requests);
  }
}

TEST_CASE("sparse linear: errors name what was found and expected") {
  const Pattern pattern = pattern_of({4, 6}, random_mask(24, 0.5, 1));
  const Tensor values = random_tensor({pattern->nonzero()}, 7);
  CHECK_THROWS_WITH_AS(sparse_linear(random_tensor({2, 5}, 8), values, pattern),
                       "sparse_linear: found input of shape [2, 5], expected [N, 6]", Error);
  CHECK_THROWS_AS(sparse_linear(random_tensor({2, 6}, 9), values, pattern, random_tensor({3}, 1)),
                  Error);
  CHECK_THROWS_AS(sparse_linear(random_tensor({2, 6}, 9), random_tensor({1}, 1), pattern), Error);
  CHECK_THROWS_AS(sparse_linear(random_tensor({2, 6}, 9), values, {}), Error);
  const Pattern images = pattern_of({4, 6, 1, 1}, random_mask(24, 0.5, 1));
  CHECK_THROWS_AS(
      sparse_linear(random_tensor({2, 6}, 9), random_tensor({images->nonzero()}, 1), images),
      Error);
}
