// The loss of classification: values and gradients, extreme logits, and what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::random_tensor;
using testing::Values;

using Labels = std::vector<std::int32_t>;

Labels random_labels(std::int64_t images, std::int64_t classes, std::uint64_t seed) {
  Rng rng(seed);
  Labels labels(static_cast<std::size_t>(images));
  for (auto& label : labels)
    label = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes)));
  return labels;
}

// The definition: -sum_k q_k log softmax(z)_k, with q the smoothed target.
Values reference_loss(const Values& z, const Labels& labels, double smoothing) {
  const std::size_t classes = z.size() / labels.size();
  double total = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += std::exp(z[i * classes + k]);
    const double log_sum = std::log(sum);
    for (std::size_t k = 0; k < classes; ++k) {
      const double hit = static_cast<std::int32_t>(k) == labels[i] ? 1 - smoothing : 0;
      const double q = hit + smoothing / static_cast<double>(classes);
      total -= q * (z[i * classes + k] - log_sum);
    }
  }
  return {total / static_cast<double>(labels.size())};
}

TEST_CASE("cross_entropy: values and gradients, with and without smoothing") {
  for (const Shape& shape : {Shape{1, 1}, Shape{1, 10}, Shape{17, 10}, Shape{33, 3}, Shape{5, 19}})
    for (const float smoothing : {0.0f, 0.1f, 0.9f}) {
      const Labels labels = random_labels(shape[0], shape[1], 1);
      check_gradient(
          {.op = Op::CrossEntropy,
           .inputs = {random_tensor(shape, 2, -5, 5)},
           .operation =
               [&](const auto& in) {
                 return cross_entropy(in[0], labels, {.label_smoothing = smoothing});
               },
           .reference = [&](const auto& in) { return reference_loss(in[0], labels, smoothing); }});
    }
}

TEST_CASE("cross_entropy: many classes and images, in both layouts and with any threads") {
  const int threads = num_threads();
  const Labels labels = random_labels(100, 1000, 3);
  std::vector<std::vector<float>> losses, gradients;
  for (const bool lanes : {false, true})
    for (const int count : {1, 2, 3}) {
      set_num_threads(count);
      Tensor logits = random_tensor({100, 1000}, 4);
      logits.set_requires_grad();
      const Tensor loss = cross_entropy(lanes ? to_lanes(logits) : logits, labels);
      loss.backward();
      losses.push_back(loss.to_vector());
      gradients.push_back(logits.grad().to_vector());
    }
  set_num_threads(threads);
  for (const auto& loss : losses) CHECK(loss == losses[0]);
  for (const auto& gradient : gradients) CHECK(gradient == gradients[0]);
  const auto values = random_tensor({100, 1000}, 4).to_vector();
  const Values expected = reference_loss(Values(values.begin(), values.end()), labels, 0);
  CHECK(losses[0][0] == doctest::Approx(expected[0]).epsilon(1e-6));
}

TEST_CASE("cross_entropy: is the mean of log_softmax at the labels") {
  const Labels labels = {2, 0, 1};
  const Tensor logits = random_tensor({3, 3}, 5);
  const auto logs = log_softmax(logits).to_vector();
  CHECK(cross_entropy(logits, labels).item() ==
        doctest::Approx(-(logs[2] + logs[3] + logs[7]) / 3).epsilon(1e-6));
}

TEST_CASE("cross_entropy: extreme logits neither overflow nor lose digits") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto loss = [](std::vector<float> z, std::int32_t label, float smoothing = 0) {
    Tensor logits = Tensor::from({1, static_cast<std::int64_t>(z.size())}, z);
    logits.set_requires_grad();
    const Tensor y = cross_entropy(logits, Labels{label}, {.label_smoothing = smoothing});
    y.backward();
    return std::pair(y.item(), logits.grad().to_vector());
  };
  CHECK(loss({1e30f, -1e30f}, 0).first == 0);
  CHECK(loss({1e30f, -1e30f}, 1).first == 2e30f);
  CHECK(loss({1e30f, -1e30f}, 1).second == std::vector<float>{1, -1});
  CHECK(loss({1e4f, 1e4f}, 0).first == doctest::Approx(std::log(2.0)).epsilon(1e-6));
  CHECK(loss({-kInfinity, 0}, 1).first == 0);  // a class that was ruled out
  CHECK(loss({-kInfinity, 0}, 1).second == std::vector<float>{0, 0});
  CHECK(loss({-kInfinity, 0}, 0).first == kInfinity);
  CHECK(loss({20, 0}, 0).first == doctest::Approx(std::log1p(std::exp(-20.0))).epsilon(1e-3));
  CHECK(std::isnan(loss({std::nanf(""), 0}, 1).first));
  CHECK(std::isnan(loss({kInfinity, 0}, 0).first));
}

TEST_CASE("cross_entropy: the gradient is scaled by what comes back") {
  Tensor logits = random_tensor({4, 3}, 6);
  logits.set_requires_grad();
  const Labels labels = {0, 1, 2, 0};
  cross_entropy(logits, labels).backward();
  const auto once = logits.grad().to_vector();
  logits.zero_grad();
  (cross_entropy(logits, labels) * -4).backward();
  const auto scaled = logits.grad().to_vector();
  for (std::size_t i = 0; i < once.size(); ++i) CHECK(scaled[i] == -4 * once[i]);
}

TEST_CASE("cross_entropy: the labels may be gone before the way back") {
  Tensor logits = random_tensor({4, 3}, 7);
  logits.set_requires_grad();
  Labels labels = {0, 1, 2, 0};
  const Tensor loss = cross_entropy(logits, labels);
  cross_entropy(logits, Labels{0, 1, 2, 0}).backward();
  const auto expected = logits.grad().to_vector();
  logits.zero_grad();
  labels.assign(4, 1'000'000);
  loss.backward();
  CHECK(logits.grad().to_vector() == expected);
}

TEST_CASE("cross_entropy: asks nothing of the system once warm") {
  Tensor logits = to_lanes(random_tensor({128, 10}, 8)).detach();
  logits.set_requires_grad();
  const Labels labels = random_labels(128, 10, 9);
  const auto step = [&] {
    cross_entropy(logits, labels, {.label_smoothing = 0.1f}).backward();
    logits.retire_grad();
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = memory_statistics().system_requests;
  for (int i = 0; i < 3; ++i) step();
  CHECK(memory_statistics().system_requests == before);
}

TEST_CASE("cross_entropy: errors name the image, what was found and expected") {
  const Tensor logits = Tensor::zeros({3, 10});
  CHECK_THROWS_WITH_AS(cross_entropy(logits, Labels{0, 1, 10}),
                       "cross_entropy: found label 10 of image 2, expected 0 to 9", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(logits, Labels{0, -1, 1}),
                       "cross_entropy: found label -1 of image 1, expected 0 to 9", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(logits, Labels{0, 1}),
                       "cross_entropy: found 2 labels, expected 3, one an image", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(Tensor::zeros({3, 10, 1}), Labels{0, 1, 2}),
                       "cross_entropy: found logits of shape [3, 10, 1], expected [N, K] with at "
                       "least one image and one class",
                       Error);
  CHECK_THROWS_AS(cross_entropy(Tensor::zeros({0, 10}), Labels{}), Error);
  CHECK_THROWS_AS(cross_entropy(Tensor::zeros({3, 0}), Labels{0, 0, 0}), Error);
  for (const float smoothing : {-0.1f, 1.0f, std::nanf("")})
    CHECK_THROWS_WITH_AS(cross_entropy(logits, Labels{0, 1, 2}, {.label_smoothing = smoothing}),
                         doctest::Contains("cross_entropy: found a label smoothing of "), Error);
}

}  // namespace
}  // namespace espalier
