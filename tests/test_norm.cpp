// Batch normalisation against a plain double-precision reference.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/norm.h"
#include "core/parallel.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::random_tensor;
using testing::Values;

struct Statistics {
  Values mean, variance;  // biased
  double count;
};

std::size_t channel_of(const Shape& s, std::size_t i) {
  const std::int64_t area = s.rank() == 4 ? s[2] * s[3] : 1;
  return static_cast<std::size_t>(static_cast<std::int64_t>(i) / area % s[1]);
}

Statistics statistics(const Values& x, const Shape& s) {
  const auto channels = static_cast<std::size_t>(s[1]);
  Statistics stats = {Values(channels), Values(channels),
                      static_cast<double>(x.size()) / static_cast<double>(channels)};
  for (std::size_t i = 0; i < x.size(); ++i) stats.mean[channel_of(s, i)] += x[i] / stats.count;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = channel_of(s, i);
    stats.variance[c] += (x[i] - stats.mean[c]) * (x[i] - stats.mean[c]) / stats.count;
  }
  return stats;
}

Values normalised(const Values& x, const Shape& s, const Statistics& stats, const Values& weight,
                  const Values& bias, const BatchNormOptions& options) {
  Values y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = channel_of(s, i);
    y[i] =
        (x[i] - stats.mean[c]) / std::sqrt(stats.variance[c] + options.eps) * weight[c] + bias[c];
    if (options.relu) y[i] = std::clamp<double>(y[i], 0, options.relu_limit);
  }
  return y;
}

Values doubles(const Tensor& t) {
  const std::vector<float> values = t.to_vector();
  return {values.begin(), values.end()};
}

void check_batch_norm(const Shape& s, const BatchNormOptions& options) {
  CAPTURE(s.str());
  CAPTURE(options.training);
  CAPTURE(options.relu);
  const Shape c = {s[1]};
  const Tensor mean = random_tensor(c, 4, -1, 1), variance = random_tensor(c, 5, 0.5f, 2);
  check_gradient({.op = Op::BatchNorm,
                  .inputs = {random_tensor(s, 1), random_tensor(c, 2), random_tensor(c, 3, -1, 1)},
                  .operation =
                      [=](const auto& in) {
                        return batch_norm(in[0], in[1], in[2], mean.clone(), variance.clone(),
                                          options);
                      },
                  .reference =
                      [=](const auto& in) {
                        const Statistics stats =
                            options.training ? statistics(in[0], s)
                                             : Statistics{doubles(mean), doubles(variance), 0};
                        return normalised(in[0], s, stats, in[1], in[2], options);
                      }});
}

TEST_CASE("batch_norm: values and gradients") {
  for (const Shape& s : {Shape{17, 3, 3, 2}, Shape{1, 2, 5, 4}, Shape{33, 2, 1, 1}, Shape{19, 5},
                         Shape{2, 1}, Shape{2, 3, 4, 4}})
    for (const bool training : {true, false}) {
      check_batch_norm(s, {.eps = 1e-3f, .training = training});
      check_batch_norm(s, {.eps = 1e-3f, .training = training, .relu = true});
      check_batch_norm(s, {.eps = 1e-3f, .training = training, .relu = true, .relu_limit = 0.5f});
    }
  check_batch_norm({1, 4}, {.training = false});
  for (const Shape& s : {Shape{9, 2, 3, 3}, Shape{2, 19, 4, 4}, Shape{17, 1, 8, 16}})
    check_batch_norm(s, {.eps = 1e-3f, .relu = true, .halo = 0});
}

TEST_CASE("batch_norm: a masked weight and bias receive no gradient") {
  const Shape s = {5, 3, 2, 2};
  const std::vector<std::uint8_t> mask = {1, 0, 1};
  check_gradient({.op = Op::BatchNorm,
                  .inputs = {random_tensor(s, 1), random_tensor({3}, 2), random_tensor({3}, 3)},
                  .operation =
                      [](const auto& in) {
                        return batch_norm(in[0], in[1], in[2], Tensor::zeros({3}),
                                          Tensor::full({3}, 1));
                      },
                  .reference =
                      [=](const auto& in) {
                        return normalised(in[0], s, statistics(in[0], s), in[1], in[2], {});
                      },
                  .masks = {{1, mask}, {2, mask}}});
}

struct Fixture {
  explicit Fixture(std::int64_t channels)
      : weight(Tensor::full({channels}, 1)),
        bias(Tensor::zeros({channels})),
        mean(Tensor::zeros({channels})),
        variance(Tensor::full({channels}, 1)) {}
  Tensor operator()(const Tensor& x, const BatchNormOptions& options = {}) {
    return batch_norm(x, weight, bias, mean, variance, options);
  }
  Tensor weight, bias, mean, variance;
};

TEST_CASE("batch_norm: a masked channel is exactly zero") {
  Fixture norm(3);
  norm.weight.mutable_data()[1] = 0;
  const Tensor x = random_tensor({18, 3, 4, 5}, 1, 5, 9);
  for (const bool training : {true, false}) {
    const std::vector<float> y = norm(x, {.training = training}).to_vector();
    for (std::size_t i = 0; i < y.size(); ++i)
      CHECK((y[i] == 0) == (channel_of(x.shape(), i) == 1));
  }
}

TEST_CASE("batch_norm: running statistics follow PyTorch's rule, in training only") {
  for (const Shape& s : {Shape{21, 4, 6, 5}, Shape{3, 4, 2, 2}, Shape{40, 4}}) {
    Fixture norm(4);
    const Tensor x = random_tensor(s, 7, 1, 4);
    const Statistics stats = statistics(doubles(x), s);
    norm(x, {.momentum = 0.3f});
    for (std::size_t c = 0; c < 4; ++c) {
      CHECK(norm.mean.data()[c] == doctest::Approx(0.3 * stats.mean[c]).epsilon(1e-5));
      const double unbiased = stats.variance[c] * stats.count / (stats.count - 1);
      CHECK(norm.variance.data()[c] == doctest::Approx(0.7 + 0.3 * unbiased).epsilon(1e-5));
    }
    const auto mean = norm.mean.to_vector(), variance = norm.variance.to_vector();
    norm(x, {.training = false});
    CHECK(norm.mean.to_vector() == mean);
    CHECK(norm.variance.to_vector() == variance);
  }
}

TEST_CASE("batch_norm: new statistics far smaller than the old ones, by any momentum") {
  const Shape s = {8, 2, 3, 3};
  const Tensor x = random_tensor(s, 7, -1e-3f, 1e-3f);
  const Statistics stats = statistics(doubles(x), s);
  for (const float old : {1.0f, 3e4f, 1e9f})
    for (const float momentum : {0.0f, 0.1f, 0.5f, 0.999999f, 1.0f}) {
      CAPTURE(old);
      CAPTURE(momentum);
      Fixture norm(2);
      for (Tensor* statistic : {&norm.mean, &norm.variance}) *statistic = Tensor::full({2}, old);
      norm(x, {.momentum = momentum});
      const double m = momentum, left = (1 - m) * old;
      for (std::size_t c = 0; c < 2; ++c) {
        const double unbiased = stats.variance[c] * stats.count / (stats.count - 1);
        const double mean = left + m * stats.mean[c], variance = left + m * unbiased;
        CHECK(std::abs(norm.mean.data()[c] - mean) <= 1e-5 * std::abs(mean));
        CHECK(std::abs(norm.variance.data()[c] - variance) <= 1e-5 * variance);
      }
    }
}

// A one-pass sum of squares in float would find a variance of anything here, even below zero.
TEST_CASE("batch_norm: a mean far larger than the deviation") {
  for (const Shape& s : {Shape{33, 2, 16, 9}, Shape{50, 2}}) {
    Fixture norm(2);
    const Tensor x = random_tensor(s, 1, 4095, 4097);
    const Values y = normalised(doubles(x), s, statistics(doubles(x), s), {1, 1}, {0, 0}, {});
    const std::vector<float> found = norm(x).to_vector();
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i) worst = std::max(worst, std::abs(found[i] - y[i]));
    CHECK(worst < 1e-3);
  }
}

// The first row of a plane is what distances are taken from: here it is the farthest off.
TEST_CASE("batch_norm: a first row far from the others") {
  const Shape s = {20, 1, 12, 8};
  Tensor x = random_tensor(s, 1, -0.01f, 0.01f);
  for (std::int64_t n = 0; n < 20; ++n) std::fill_n(x.mutable_data() + n * 96, 8, 1000.0f);
  const Values y = normalised(doubles(x), s, statistics(doubles(x), s), {1}, {0}, {});
  Fixture norm(1);
  const std::vector<float> found = norm(x).to_vector();
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(found[i] == doctest::Approx(y[i]).epsilon(1e-5));
}

TEST_CASE("batch_norm: a channel of one value becomes its bias") {
  Fixture norm(2);
  norm.bias.mutable_data()[0] = 0.5f;
  const std::vector<float> y = norm(Tensor::full({6, 2, 3, 3}, 0.1f)).to_vector();
  for (std::size_t i = 0; i < y.size(); ++i)
    CHECK(y[i] == doctest::Approx(channel_of({6, 2, 3, 3}, i) == 0 ? 0.5 : 0.0).epsilon(1e-4));
}

TEST_CASE("batch_norm: the same bits with any number of threads") {
  const int threads = num_threads();
  std::vector<float> first;
  for (const int used : {1, 2, 5}) {
    set_num_threads(used);
    Fixture norm(7);
    Tensor x = random_tensor({37, 7, 12, 12}, 3);
    x.set_requires_grad();
    norm.weight.set_requires_grad();
    const Tensor y = norm(x, {.relu = true});
    record(Op::Sum, Tensor::scalar(0), {y}, [y](const Tensor&) {
      const Tensor dy = to_layout(random_tensor(y.shape(), 4), y.layout());
      std::copy_n(dy.data(), dy.storage_size(), grad_out(y).data);
    }).backward();
    std::vector<float> all = y.to_vector();
    for (const Tensor& t : {x.grad(), norm.weight.grad(), norm.mean, norm.variance}) {
      const std::vector<float> values = t.to_vector();
      all.insert(all.end(), values.begin(), values.end());
    }
    if (first.empty()) first = all;
    CHECK(all == first);
  }
  set_num_threads(threads);
}

TEST_CASE("batch_norm: NaN is passed on, and stays in its channel") {
  Fixture norm(2);
  Tensor x = random_tensor({3, 2, 2, 2}, 1);
  x.mutable_data()[0] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> y = norm(x, {.relu = true}).to_vector();
  for (std::size_t i = 0; i < y.size(); ++i)
    CHECK(std::isnan(y[i]) == (channel_of(x.shape(), i) == 0));
}

TEST_CASE("batch_norm: errors name what was found and expected") {
  Fixture norm(3);
  CHECK_THROWS_WITH_AS(norm(Tensor::zeros({2, 4, 2, 2})),
                       "batch_norm: found a weight of shape [3], expected [4] for an input of "
                       "shape [2, 4, 2, 2]",
                       Error);
  CHECK_THROWS_WITH_AS(norm(Tensor::zeros({2, 3, 2})),
                       "batch_norm: found a tensor of shape [2, 3, 2], expected images "
                       "[N, C, H, W] or features [N, C]",
                       Error);
  CHECK_THROWS_WITH_AS(norm(Tensor::zeros({1, 3})),
                       "batch_norm: found 1 values a channel in training, expected more than one",
                       Error);
  CHECK_NOTHROW(norm(Tensor::zeros({1, 3}), {.training = false}));
  norm.variance = Tensor();
  CHECK_THROWS_WITH_AS(norm(Tensor::zeros({2, 3})),
                       "batch_norm: found a running variance of shape none, expected [3] for an "
                       "input of shape [2, 3]",
                       Error);
}

}  // namespace
}  // namespace espalier
