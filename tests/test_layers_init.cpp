// Initialisation: distributions, gains and streams.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "layers/layers.h"

using namespace espalier;
using namespace espalier::layers;

namespace {

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments moments(const Tensor& t) {
  Moments m;
  for (const float x : t.to_vector()) {
    m.mean += x;
    m.deviation += double(x) * x;
    m.largest = std::max(m.largest, std::fabs(double(x)));
  }
  m.mean /= t.numel();
  m.deviation = std::sqrt(m.deviation / t.numel() - m.mean * m.mean);
  return m;
}

// A mean within five standard errors; deviation within 2 %; uniform values within a sharp bound.
void expect_distribution(const Tensor& t, double deviation, bool uniform) {
  const Moments m = moments(t);
  CHECK(std::fabs(m.mean) < 5 * deviation / std::sqrt(double(t.numel())));
  CHECK(m.deviation == doctest::Approx(deviation).epsilon(0.02));
  const double bound = deviation * std::sqrt(3.0);
  if (uniform) CHECK(m.largest <= bound * (1 + 1e-6));
  CHECK(m.largest > (uniform ? 0.99 : 1.5) * bound);
}

}  // namespace

TEST_CASE("initialisation: Kaiming and Xavier have the deviation of their formula") {
  Tensor conv = Tensor::zeros({64, 32, 3, 3});
  const double in = 32 * 9, out = 64 * 9;
  CHECK(fans(conv.shape()).in == 288);
  CHECK(fans(conv.shape()).out == 576);
  kaiming_uniform(conv, Rng(1));
  expect_distribution(conv, std::sqrt(2 / in), true);
  kaiming_normal(conv, Rng(1));
  expect_distribution(conv, std::sqrt(2 / in), false);
  kaiming_normal(conv, Rng(1), {.fan = Fan::Out, .gain = 1});
  expect_distribution(conv, std::sqrt(1 / out), false);
  xavier_uniform(conv, Rng(1));
  expect_distribution(conv, std::sqrt(2 / (in + out)), true);
  xavier_normal(conv, Rng(1), 3);
  expect_distribution(conv, 3 * std::sqrt(2 / (in + out)), false);
  CHECK(leaky_relu_gain(0) == doctest::Approx(kReluGain));
  CHECK(leaky_relu_gain(1) == doctest::Approx(1));
  CHECK_THROWS_AS(kaiming_normal(Tensor::zeros({3}), Rng(1)), Error);
}

TEST_CASE("initialisation: layers start as PyTorch's do, within 1 / sqrt(fan in)") {
  const Model model = ConvNet();
  const double third = std::sqrt(1 / 3.0);
  expect_distribution(model.parameter("conv2.weight"), third / std::sqrt(288.0), true);
  expect_distribution(model.parameter("fc1.weight"), third / std::sqrt(4096.0), true);
  const Moments bias = moments(model.parameter("fc1.bias"));
  CHECK(bias.largest <= 1 / 64.0);
  CHECK(bias.deviation == doctest::Approx(third / 64).epsilon(0.1));
}

TEST_CASE("initialisation: a seed gives the same bits, another seed others") {
  const auto values = [](const Model& model) {
    std::vector<std::vector<float>> all;
    for (const Parameter& p : model.parameters()) all.push_back(p.to_vector());
    return all;
  };
  CHECK(values(ResNet20(10, 4)) == values(ResNet20(10, 4)));
  const auto one = values(ResNet20(10, 4)), other = values(ResNet20(10, 5));
  CHECK(one[0] != other[0]);
  CHECK(one.back() != other.back());
  const Model again = ResNet20(10, 5);
  again.initialize(4);
  CHECK(values(again) == one);
}

TEST_CASE("initialisation: every parameter has a stream of its own, whatever stands around it") {
  const Model model(Sequential{{"a", Linear(8, 8)}, {"b", Linear(8, 8)}}, {8}, 3);
  const Model longer(
      Sequential{{"new", Linear(8, 8)}, {"a", Linear(8, 8)}, {"r", ReLU()}, {"b", Linear(8, 8)}},
      {8}, 3);
  for (const char* name : {"a.weight", "a.bias", "b.weight", "b.bias"})
    CHECK(model.parameter(name).to_vector() == longer.parameter(name).to_vector());
  CHECK(model.parameter("a.weight").to_vector() != model.parameter("b.weight").to_vector());
  // A weight and its bias do not begin with the same draws either.
  CHECK(model.parameter("a.weight").to_vector()[0] != model.parameter("a.bias").to_vector()[0]);
}

TEST_CASE("initialize: what a mask removes stays zero") {
  layers::Model model(layers::Sequential{{"fc", layers::Linear(4, 3)}}, {4}, 1);
  Parameter weight = model.parameter("fc.weight");
  std::vector<std::uint8_t> mask(12, 1);
  mask[2] = mask[7] = 0;
  weight.set_mask(mask);
  const auto before = weight.to_vector();
  model.initialize(2);
  const auto after = weight.to_vector();
  for (std::size_t i = 0; i < mask.size(); ++i) CHECK((after[i] != 0) == (mask[i] == 1));
  CHECK(before != after);
}
