// Sparse layers: the same network as the masked dense one, forth and back, in training and out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
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
  CHECK(sparse.find("fc").type() == "SparseLinear");
  CHECK(sparse.find("block.conv").type() == "SparseConv2d");
  CHECK(mask_of(sparse.parameter("conv1.bias")) == mask_of(model.parameter("conv1.bias")));
  CHECK_FALSE(sparse.parameter("conv1.weight").mask());
  check_same(sparse_copy(back).parameter("fc.weight"), sparse.parameter("fc.weight"));
}

TEST_CASE("sparse layers: weight and bias stay the very parameters, there and back") {
  const Model model = masked_network();
  const Parameter weight = model.parameter("fc.weight"), bias = model.parameter("fc.bias");
  const std::int64_t nonzero = weight.nonzero();
  const auto sparse = std::dynamic_pointer_cast<SparseLinear>(to_sparse(model.find("fc")));
  CHECK(same(sparse->bias, bias));
  CHECK(same(sparse->weight, weight));
  CHECK(sparse->name() == "fc");
  CHECK(sparse->in_features == 54);
  CHECK(sparse->nonzero == nonzero);
  CHECK(weight.shape() == Shape{nonzero});
  const auto dense = std::dynamic_pointer_cast<Linear>(to_dense(*sparse));
  CHECK(same(dense->weight, weight));
  CHECK(weight.shape() == Shape{10, 54});
}

TEST_CASE("sparse layers: without a mask, what is exactly zero goes") {
  const auto made = [](const Tensor& weight) {
    Linear dense(3, 2, {.bias = false});
    dense.weight = Parameter(weight);
    return dense;
  };
  const std::vector<float> values = {0, 1e-30f, 2, 3, 0, -4};
  Linear dense = made(Tensor::from({2, 3}, values));
  auto sparse = std::dynamic_pointer_cast<SparseLinear>(to_sparse(dense));
  CHECK(sparse->nonzero == 4);
  CHECK(sparse->pattern->columns()[0] == 1);
  auto back = std::dynamic_pointer_cast<Linear>(to_dense(*sparse));
  CHECK(back->weight.to_vector() == values);
  CHECK(mask_of(back->weight) == std::vector<std::uint8_t>{0, 1, 1, 1, 0, 1});

  sparse = std::dynamic_pointer_cast<SparseLinear>(to_sparse(*back));
  sparse->weight.set_mask(std::vector<std::uint8_t>{1, 0, 1, 1});  // pruned further
  back = std::dynamic_pointer_cast<Linear>(to_dense(*sparse));
  CHECK(mask_of(back->weight) == std::vector<std::uint8_t>{0, 1, 0, 1, 0, 1});

  dense = made(Tensor::full({2, 3}, 1));
  back = std::dynamic_pointer_cast<Linear>(to_dense(*to_sparse(dense)));
  CHECK_FALSE(back->weight.mask());
  dense = made(Tensor::zeros({2, 3}));
  CHECK(dynamic_cast<SparseLinear&>(*to_sparse(dense)).nonzero == 0);
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
  CHECK(dynamic_cast<SparseLinear&>(copy.find("fc")).pattern->nonzero() == weight.numel());
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
  CHECK(b.layers[0].type == "SparseConv2d");
  CHECK(b.table().find("SparseLinear") != std::string::npos);
}

TEST_CASE("sparse layers: first values are those of the dense layer, where they are kept") {
  const Model dense = masked_network(), sparse = sparse_copy(dense);
  dense.initialize(8), sparse.initialize(8);
  const Model back = dense_copy(sparse);
  const auto a = dense.parameters(), b = back.parameters();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].to_vector() == b[i].to_vector());
}

TEST_CASE("sparse layers: what is no such layer is refused") {
  ReLU relu;
  Linear empty(2, 2);
  CHECK_THROWS_WITH_AS(to_sparse(relu), "ReLU: found a ReLU, expected Conv2d or Linear", Error);
  CHECK_THROWS_WITH_AS(to_dense(relu), "ReLU: found a ReLU, expected SparseConv2d or SparseLinear",
                       Error);
  CHECK_THROWS_AS(to_sparse(empty), Error);
  const Pattern images = pattern_of({2, 2, 3, 3}, random_mask(36, 0.5, 1));
  CHECK_THROWS_AS(SparseLinear{images}, Error);
  CHECK_THROWS_AS(SparseConv2d(images, {.kernel = 1}), Error);
  CHECK_THROWS_AS(SparseConv2d(images, {.stride = 0}), Error);
  CHECK_THROWS_AS(SparseConv2d{Pattern()}, Error);
  SparseConv2d unfilled(images);
  CHECK_THROWS_AS(unfilled(random_tensor({1, 2, 4, 4}, 1)), Error);
  CHECK_THROWS_AS(to_dense(unfilled), Error);
}
