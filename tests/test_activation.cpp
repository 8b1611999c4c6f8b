// Activations and dropout.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/layout.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::random_tensor;
using testing::Values;

template <class Value>
auto each(const Value& value) {
  return [value](const std::vector<Values>& in) {
    Values y = in[0];
    for (double& v : y) v = value(v);
    return y;
  };
}

const Shape kShapes[] = {{7}, {2, 3, 5}, {18, 3}, {17, 2, 3, 2}, {1, 3, 1, 1}};

TEST_CASE("activations: values and gradients") {
  for (const Shape& shape : kShapes) {
    const std::vector<Tensor> inputs = {random_tensor(shape, 1, -3, 3)};
    check_gradient({.op = Op::Relu,
                    .inputs = inputs,
                    .operation = [](const auto& in) { return relu(in[0]); },
                    .reference = each([](double v) { return v > 0 ? v : 0; })});
    for (const float slope : {0.01f, 0.0f, -0.5f, 1.5f})
      check_gradient({.op = Op::LeakyRelu,
                      .inputs = inputs,
                      .operation = [=](const auto& in) { return leaky_relu(in[0], slope); },
                      .reference = each([=](double v) { return v > 0 ? v : slope * v; })});
    check_gradient({.op = Op::Gelu,
                    .inputs = inputs,
                    .operation = [](const auto& in) { return gelu(in[0]); },
                    .reference = each([](double v) {
                      return v * 0.5 * (1 + std::erf(v / std::numbers::sqrt2));
                    })});
  }
}

TEST_CASE("activations: keep the layout, NaN and infinity") {
  const Tensor x = to_lanes(random_tensor({3, 2, 4, 4}, 2));
  for (const Tensor& y : {relu(x), leaky_relu(x), gelu(x)}) CHECK(y.layout() == x.layout());
  for (const int halo : {0, 1}) {  // what is no pixel stays zero
    const Tensor y = sigmoid(to_layout(random_tensor({17, 2, 4, 4}, 3), {simd_lanes(), halo}));
    const Planes planes = y.planes();
    CHECK(std::count(y.data(), y.data() + y.storage_size(), 0.0f) ==
          planes.blocks * planes.channels * (planes.channel_stride - 16 * planes.lanes));
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Tensor odd = Tensor::from(
      {3}, std::vector{std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity});
  const auto r = relu(odd).to_vector(), l = leaky_relu(odd).to_vector(), g = gelu(odd).to_vector();
  for (const auto& y : {r, l, g}) {
    CHECK(std::isnan(y[0]));
    CHECK(y[1] == kInfinity);
  }
  CHECK(r[2] == 0);
  CHECK(l[2] == -kInfinity);
  // The left tail has all its digits: the values are from the asymptotic series of erfc.
  CHECK(gelu(Tensor::scalar(-6)).item() == doctest::Approx(-5.919526e-9).epsilon(1e-5));
}

TEST_CASE("gelu: exact to the last digits everywhere") {
  std::vector<float> x;
  for (int i = -15'000; i <= 15'000; i += 7) x.push_back(static_cast<float>(i) / 1000);
  Tensor given = Tensor::from({static_cast<std::int64_t>(x.size())}, x);
  given.set_requires_grad();
  const Tensor result = gelu(given);
  sum(result).backward();
  const auto y = result.to_vector(), slope = given.grad().to_vector();
  double worst = 0, worst_slope = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i], distribution = 0.5 * std::erfc(-v / std::numbers::sqrt2);
    const double density = std::exp(-v * v / 2) / std::sqrt(2 * std::numbers::pi);
    worst = std::max(worst, std::abs(y[i] - v * distribution) / std::max(1.0, std::abs(v)));
    worst_slope = std::max(worst_slope, std::abs(slope[i] - (distribution + v * density)));
  }
  CHECK(worst < 3e-7);
  CHECK(worst_slope < 5e-7);
  CHECK(gelu(Tensor::scalar(0)).item() == 0);
  CHECK(gelu(Tensor::scalar(-1e4f)).item() == 0);
  CHECK(gelu(Tensor::scalar(1e4f)).item() == 1e4f);
}

TEST_CASE("relu: no gradient at zero, nor where it is cut off, whatever comes back") {
  Tensor x = Tensor::from({3}, std::vector{0.0f, -1.0f, 1.0f});
  x.set_requires_grad();
  sum(relu(x)).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{0, 0, 1});
}

// ---- Dropout -------------------------------------------------------------------

Tensor dropped(const Tensor& x, float p, std::uint64_t seed) {
  Rng rng(seed);
  return dropout(x, p, rng);
}

TEST_CASE("dropout: values and gradients") {
  for (const Shape& shape : kShapes)
    for (const float p : {0.1f, 0.5f, 0.9f}) {
      const auto kept = dropped(Tensor::full(shape, 1), p, 3).to_vector();
      check_gradient({.op = Op::Dropout,
                      .inputs = {random_tensor(shape, 4)},
                      .operation = [=](const auto& in) { return dropped(in[0], p, 3); },
                      .reference =
                          [&](const std::vector<Values>& in) {
                            Values y = in[0];
                            for (std::size_t i = 0; i < y.size(); ++i) y[i] *= kept[i];
                            return y;
                          }});
    }
}

TEST_CASE("dropout: zeroes the share that was asked for, and keeps the mean") {
  const Tensor ones = Tensor::full({100'000}, 1);
  for (const float p : {0.001f, 0.3f, 0.75f, 0.99f}) {
    const auto y = dropped(ones, p, 5).to_vector();
    double total = 0, zeros = 0, others = 0;
    for (const float value : y) {
      total += value;
      zeros += value == 0;
      others += value != 0 && value != 1 / (1 - p);
    }
    CHECK(others == 0);
    const double deviation = std::sqrt(p * (1 - p) * 1e5);  // of a binomial distribution
    CHECK(std::abs(zeros - p * 1e5) < 4 * deviation);
    CHECK(std::abs(total - 1e5) < 4 * deviation / (1 - p));
  }
}

TEST_CASE("dropout: neighbours, images and calls choose independently") {
  constexpr int kImages = 200, kFeatures = 200;
  Rng rng(6);
  const Tensor ones = Tensor::full({kImages, kFeatures}, 1);
  const auto a = dropout(ones, 0.5f, rng).to_vector(), b = dropout(ones, 0.5f, rng).to_vector();
  const auto agreement = [&](const std::vector<float>& other, std::size_t shift) {
    double same = 0;
    for (std::size_t i = 0; i + shift < a.size(); ++i) same += a[i] == other[i + shift];
    return same / static_cast<double>(a.size() - shift);
  };
  for (const std::size_t shift : {1, 2, 16, kFeatures, 16 * kFeatures})
    CHECK(std::abs(agreement(a, shift) - 0.5) < 4 * 0.5 / kFeatures);
  CHECK(std::abs(agreement(b, 0) - 0.5) < 4 * 0.5 / kFeatures);
}

TEST_CASE("dropout: the same choice in every layout and with any number of threads") {
  const int threads = num_threads();
  for (const Shape& shape :
       {Shape{37, 5, 9, 7}, Shape{37, 301}, Shape{1, 2, 3, 3}, Shape{70'000}}) {
    const Tensor x = random_tensor(shape, 7);
    const auto expected = dropped(x, 0.4f, 8).to_vector();
    std::vector<Tensor> layouts = {x};
    if (shape.rank() != 1)
      for (const Layout& layout : {Layout{simd_lanes(), 0}, Layout{simd_lanes(), 2}, Layout{1, 1}})
        layouts.push_back(to_layout(x, layout));
    for (const Tensor& given : layouts)
      for (const int count : {1, 2, 3}) {
        set_num_threads(count);
        const Tensor y = dropped(given, 0.4f, 8);
        CHECK(y.layout() == given.layout());
        CHECK(y.to_vector() == expected);
      }
  }
  set_num_threads(threads);
}

TEST_CASE("dropout: depends on the generator's next number alone") {
  const Tensor x = random_tensor({500}, 9);
  Rng a(10), b(10);
  const auto first = dropout(x, 0.5f, a).to_vector();
  CHECK(dropout(x, 0.5f, b).to_vector() == first);
  CHECK(dropout(x, 0.5f, b).to_vector() != first);
  CHECK(a.next() != b.next());  // one number a call
  a = Rng(10), a.next(), a.next();
  b = Rng(10), b.next();
  dropout(Tensor::full({70'000}, 1), 0.5f, b);
  CHECK(a.next() == b.next());
}

TEST_CASE("dropout: with probability zero the tensor is returned as it is") {
  Rng rng(11);
  const Tensor x = random_tensor({5}, 12);
  CHECK(same(dropout(x, 0, rng), x));
}

TEST_CASE("dropout: a probability that is none is refused") {
  Rng rng(13);
  const Tensor x = random_tensor({5}, 14);
  CHECK_THROWS_WITH_AS(dropout(x, 1, rng),
                       "dropout: found probability 1, expected 0 or more and less than 1", Error);
  CHECK_THROWS_AS(dropout(x, -0.5f, rng), Error);
  CHECK_THROWS_AS(dropout(x, std::numeric_limits<float>::quiet_NaN(), rng), Error);
}

}  // namespace
}  // namespace espalier
