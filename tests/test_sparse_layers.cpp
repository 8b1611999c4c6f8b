// Sparse layers: the same network as the masked dense one, forth and back, in training and out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/conv.h"
#include "core/ops/linear.h"
#include "core/ops/loss.h"
#include "optim/optim.h"
#include "tests/gradcheck.h"
#include "tests/sparse_network.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;

namespace {

std::vector<std::uint8_t> mask_of(const Parameter& p) {
  return p.mask() ? std::vector<std::uint8_t>(p.mask(), p.mask() + p.numel())
                  : std::vector<std::uint8_t>();
}

void check_same(const Parameter& a, const Parameter& b) {
  INFO(a.name());
  CHECK(a.name() == b.name());
  CHECK(a.to_vector() == b.to_vector());
  CHECK(mask_of(a) == mask_of(b));
  REQUIRE(a.states().size() == b.states().size());
  for (const auto& [key, tensor] : a.states())
    CHECK(tensor.to_vector() == b.states().at(key).to_vector());
}

// The largest difference of two networks' parameters, as a share of the largest element.
double difference(const Model& found, const Model& expected) {
  double worst = 0;
  const auto a = found.parameters(), b = expected.parameters();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = a[i].to_vector(), y = b[i].to_vector();
    REQUIRE(x.size() == y.size());
    double distance = 0, largest = 1e-3;
    for (std::size_t k = 0; k < x.size(); ++k) {
      distance = std::max(distance, std::abs(double{x[k]} - y[k]));
      largest = std::max(largest, std::abs(double{y[k]}));
    }
    worst = std::max(worst, distance / largest);
  }
  return worst;
}

double difference(const Tensor& found, const Tensor& expected) {
  const auto x = found.to_vector(), y = expected.to_vector();
  REQUIRE(x.size() == y.size());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::abs(double{x[i]} - y[i]));
  return worst;
}

Tensor pictures(int images, std::uint64_t seed = 1) {
  return random_tensor({images, 3, 12, 12}, seed, -1, 1);
}

template <class Optimizer>
void train(const Model& model, Optimizer& optimizer, int steps) {
  const std::vector<std::int32_t> labels = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7};
  for (int i = 0; i < steps; ++i) {
    cross_entropy(model(pictures(18, static_cast<std::uint64_t>(i))), labels).backward();
    optimizer.step();
  }
}

}  // namespace

TEST_CASE("sparse layers: to sparse and back gives the same bits, states and masks") {
  const Model model = masked_network();
  auto optimizer = optim::SGD(model, {.lr = 0.05, .momentum = 0.9});
  train(model, optimizer, 2);
  const Model sparse = sparse_copy(model), back = dense_copy(sparse);
  const auto a = model.parameters(), b = back.parameters(), s = sparse.parameters();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    check_same(a[i], b[i]);
    CHECK(s[i].name() == a[i].name());
    CHECK(s[i].states().size() == 1);
    CHECK(s[i].requires_grad());
  }
  CHECK(topology(back) == topology(model));
  CHECK(topology(sparse) == topology(model));
  CHECK(sparse.parameter("fc.weight").pattern()->dense() == Shape{10, 54});
  CHECK(sparse.parameter("block.conv.weight").dense_shape() == Shape{6, 8, 3, 3});
  CHECK(mask_of(sparse.parameter("conv1.bias")) == mask_of(model.parameter("conv1.bias")));
  CHECK_FALSE(sparse.parameter("conv1.weight").mask());
  check_same(sparse_copy(back).parameter("fc.weight"), sparse.parameter("fc.weight"));
}

TEST_CASE("sparse layers: without a mask, what is exactly zero goes") {
  const std::vector<float> values = {0, 1e-30f, 2, 3, 0, -4};
  Parameter weight(Tensor::from({2, 3}, values));
  weight.to_csr();
  CHECK(weight.shape() == Shape{4});
  CHECK(weight.pattern()->columns()[0] == 1);
  const Pattern pattern = weight.pattern();
  weight.to_csr();
  CHECK(weight.pattern() == pattern);
  weight.to_dense();
  CHECK(weight.to_vector() == values);
  CHECK(mask_of(weight) == std::vector<std::uint8_t>{0, 1, 1, 1, 0, 1});
  weight.to_dense();
  CHECK(weight.to_vector() == values);

  weight.to_csr();
  weight.set_mask(std::vector<std::uint8_t>{1, 0, 1, 1});  // pruned further
  weight.to_dense();
  CHECK(mask_of(weight) == std::vector<std::uint8_t>{0, 1, 0, 1, 0, 1});

  Parameter full(Tensor::full({2, 3}, 1)), none(Tensor::zeros({2, 3}));
  full.to_csr(), full.to_dense();
  CHECK_FALSE(full.mask());
  none.to_csr();
  CHECK(none.numel() == 0);
}

TEST_CASE("sparse layers: trained as the masked dense network is") {
  SUBCASE("SGD with momentum") {
    const Model dense = masked_network(), sparse = sparse_copy(dense);
    auto a = optim::SGD(dense, {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3});
    auto b = optim::SGD(sparse, {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3});
    train(dense, a, 6), train(sparse, b, 6);
    CHECK(difference(dense_copy(sparse), dense) < 1e-5);
  }
  SUBCASE("Adam, from the middle on") {
    const Model dense = masked_network();
    auto a = optim::Adam(dense, {.lr = 1e-3, .eps = 1e-4});
    train(dense, a, 3);
    const Model sparse = sparse_copy(dense);
    auto b = optim::Adam(sparse, {.lr = 1e-3, .eps = 1e-4});
    b.set_steps(a.steps());
    train(dense, a, 4), train(sparse, b, 4);
    CHECK(difference(dense_copy(sparse), dense) < 1e-5);
  }
}

TEST_CASE("sparse layers: inference, of one image and of many, with fusion and observed") {
  const Model dense = masked_network(), sparse = sparse_copy(dense);
  dense.eval(), sparse.eval();
  const NoGrad off;
  for (const int images : {1, 3, 20}) {
    const Tensor x = pictures(images), expected = dense(x);
    CHECK(difference(sparse(x), expected) < 1e-5);
    std::vector<std::string> seen;
    const Observe observe([&](const Module&, const std::string& name, const Tensor&,
                              const Tensor&) { seen.push_back(name); });
    CHECK(difference(sparse(x), expected) < 1e-5);
    CHECK(seen == std::vector<std::string>{"conv1", "relu", "pool", "block.conv", "block.relu",
                                           "flatten", "fc"});
  }
}

TEST_CASE("sparse layers: a clone shares nothing that changes") {
  const Model sparse = sparse_copy(masked_network()), copy = sparse.clone();
  const auto before = copy.parameter("fc.weight").to_vector();
  CHECK(before == sparse.parameter("fc.weight").to_vector());
  Parameter weight = sparse.parameter("fc.weight");
  weight.copy_from(Tensor::zeros(weight.shape()));
  CHECK(copy.parameter("fc.weight").to_vector() == before);
  CHECK(copy.parameter("fc.weight").pattern()->nonzero() == weight.numel());
}

TEST_CASE("sparse layers: a summary counts the values that there are") {
  const Model dense = masked_network(), sparse = sparse_copy(dense);
  const Summary a = summary(dense), b = summary(sparse);
  CHECK(a.total.macs.dense == b.total.macs.dense);
  CHECK(a.total.macs.nonzero == b.total.macs.nonzero);
  CHECK(a.total.nonzero == b.total.nonzero);
  std::int64_t values = 0;
  for (const char* name : kSparseLayers)
    values += sparse.parameter(std::string(name) + ".weight").numel();
  CHECK(b.total.weights == values);
  CHECK(b.total.parameters == values + 8 + 10);
}

TEST_CASE("sparse layers: first values are those of the dense layer, where they are kept") {
  const Model dense = masked_network(), sparse = sparse_copy(dense);
  dense.initialize(8), sparse.initialize(8);
  const Model back = dense_copy(sparse);
  const auto a = dense.parameters(), b = back.parameters();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].to_vector() == b[i].to_vector());
}

TEST_CASE("sparse layers: what fits no pattern is refused") {
  Parameter bias(Tensor::full({3}, 1), "fc.bias");
  CHECK_THROWS_AS(bias.to_csr(), Error);
  const Pattern pattern = pattern_of({2, 3}, random_mask(6, 1, 1));
  CHECK_THROWS_WITH_AS(Parameter(Tensor::zeros({4}), pattern, "w"),
                       "parameter w: found values of shape [4], expected [6] for its pattern",
                       Error);
  CHECK_THROWS_AS(bias.assign(bias, {}, {}, pattern), Error);
  const Pattern images = pattern_of({2, 2, 3, 3}, random_mask(36, 0.5, 1));
  const Parameter values(Tensor::zeros({images->nonzero()}), images);
  CHECK_THROWS_AS(linear(random_tensor({1, 2}, 1), values), Error);
  CHECK_THROWS_AS(conv2d(random_tensor({1, 3, 4, 4}, 1), values), Error);
}
