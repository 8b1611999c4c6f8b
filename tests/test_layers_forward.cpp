// Layers: forward equals the operations written by hand, fused or not; residual blocks; dropout's
// generator; what observers see.
#include <doctest/doctest.h>

#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/norm.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "layers/layers.h"

using namespace espalier;
using namespace espalier::layers;

namespace {

Tensor images(const Model& model, std::int64_t count, std::uint64_t seed = 1) {
  Rng rng(seed);
  return Tensor::randn(model.batch_shape(count), rng);
}

Model small_net(std::uint64_t seed = 3) {
  Sequential net{{"conv1", Conv2d(3, 5, {.padding = 1})},
                 {"relu1", ReLU()},
                 {"pool1", MaxPool2d()},
                 {"conv2", Conv2d(5, 4, {.kernel = 3, .padding = 1, .bias = false})},
                 {"bn2", BatchNorm(4)},
                 {"relu2", ReLU()},
                 {"flatten", Flatten()},
                 {"fc", Linear(4 * 3 * 3, 2)}};
  return Model(std::move(net), {3, 6, 6}, seed);
}

Tensor by_hand(const Model& m, const Tensor& x, const Tensor& mean, const Tensor& var) {
  Tensor y = relu(conv2d(x, m.parameter("conv1.weight"), m.parameter("conv1.bias"),
                         {.stride = 1, .padding = 1}));
  y = conv2d(max_pool2d(y), m.parameter("conv2.weight"), {}, {.stride = 1, .padding = 1});
  y = relu(batch_norm(y, m.parameter("bn2.weight"), m.parameter("bn2.bias"), mean, var,
                      {.training = m.training()}));
  return linear(flatten(y), m.parameter("fc.weight"), m.parameter("fc.bias"));
}

void expect_equal(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<float> x = a.to_vector(), y = b.to_vector();
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(x[i] == doctest::Approx(y[i]).epsilon(1e-5).scale(1e-2));
}

std::vector<Tensor> gradients(const Model& model, const Tensor& loss) {
  for (Parameter p : model.parameters()) p.zero_grad();
  loss.backward();
  std::vector<Tensor> all;
  for (const Parameter& p : model.parameters()) all.push_back(p.grad().clone());
  return all;
}

}  // namespace

TEST_CASE("layers: a network gives what its operations give, in value and gradient") {
  const Model model = small_net();
  for (const bool training : {true, false}) {
    model.train(training);
    const Tensor x = images(model, 5);
    const Tensor mean = model.buffers()[0].second.clone(), var = model.buffers()[1].second.clone();
    const Tensor y = model(x);
    const Tensor expected = by_hand(model, x, mean, var);
    expect_equal(y, expected);
    expect_equal(model.buffers()[0].second, mean);
    expect_equal(model.buffers()[1].second, var);
    const std::vector<Tensor> ours = gradients(model, sum(y * y));
    const std::vector<Tensor> theirs = gradients(model, sum(expected * expected));
    for (std::size_t i = 0; i < ours.size(); ++i) expect_equal(ours[i], theirs[i]);
  }
}

TEST_CASE("layers: Sequential fuses unless somebody observes, and the result is the same") {
  const Sequential net{
      {"conv", Conv2d(3, 5, {.padding = 1})}, {"relu", ReLU()}, {"pool", MaxPool2d()}};
  const Model even(net, {3, 6, 6}, 3);
  const Tensor x = images(even, 4);
  const Tensor fused = even(x);
  CHECK(fused.impl()->node->op == Op::Conv2d);  // one operation for all three
  const std::vector<Tensor> fused_gradients = gradients(even, sum(fused * fused));

  std::vector<std::string> seen;
  Tensor apart;
  {
    const Observe observe([&](const Module& layer, const std::string& name, const Tensor& input,
                              const Tensor& output) {
      seen.push_back(name);
      CHECK(layer.name() == name);
      CHECK(layer.output_shape(input.shape()) == output.shape());
    });
    apart = even(x);
  }
  CHECK(seen == std::vector<std::string>{"conv", "relu", "pool"});
  CHECK(apart.impl()->node->op == Op::MaxPool2d);
  expect_equal(fused, apart);
  const std::vector<Tensor> gradients_apart = gradients(even, sum(apart * apart));
  for (std::size_t i = 0; i < gradients_apart.size(); ++i)
    expect_equal(fused_gradients[i], gradients_apart[i]);

  // An odd height keeps the pooling apart, other windows too.
  const Model odd(
      Sequential{{"conv", Conv2d(3, 5, {.padding = 1})}, {"relu", ReLU()}, {"pool", MaxPool2d()}},
      {3, 7, 6}, 3);
  CHECK(odd(images(odd, 2)).impl()->node->op == Op::MaxPool2d);
  const Model wide(Sequential{{"conv", Conv2d(3, 5, {.padding = 1})},
                              {"relu", ReLU()},
                              {"pool", MaxPool2d({.kernel = 3, .stride = 2, .padding = 1})}},
                   {3, 6, 6}, 3);
  CHECK(wide(images(wide, 2)).impl()->node->op == Op::MaxPool2d);
  const Model norm(Sequential{{"bn", BatchNorm(3)}, {"relu", ReLU()}}, {3, 4, 4});
  CHECK(norm(images(norm, 2)).impl()->node->op == Op::BatchNorm);
  const Model bare(Sequential{{"conv", Conv2d(3, 5)}, {"pool", MaxPool2d()}}, {3, 6, 6});
  CHECK(bare(images(bare, 2)).impl()->node->op == Op::MaxPool2d);
}

TEST_CASE("layers: the inner observer sees, and the outer one again afterwards") {
  const Model model(Sequential{{"relu", ReLU()}}, {2});
  int outer = 0, inner = 0;
  const auto count = [](int& n) {
    return [&n](const Module&, const std::string&, const Tensor&, const Tensor&) { ++n; };
  };
  const Observe a(count(outer));
  {
    const Observe b(count(inner));
    model(images(model, 1));
  }
  model(images(model, 1));
  CHECK(inner == 1);
  CHECK(outer == 1);
}

TEST_CASE("layers: Residual adds its paths, with and without a shortcut and ReLU") {
  const Sequential main{{"conv1", Conv2d(4, 4, {.padding = 1, .bias = false})}};
  const Sequential halved{{"conv1", Conv2d(4, 6, {.stride = 2, .padding = 1, .bias = false})}};
  Sequential side;
  side.add(Conv2d(4, 6, {.kernel = 1, .stride = 2, .bias = false}));

  const Model identity(Residual(main), {4, 6, 6}, 1);
  const Tensor x = images(identity, 3);
  const Tensor through = conv2d(x, identity.parameter("conv1.weight"), {}, {.padding = 1});
  expect_equal(identity(x), relu(through + x));

  const Model open(Residual(main, {}, {.relu = false}), {4, 6, 6}, 1);
  expect_equal(open(x), through + x);  // the same names draw the same weights

  const Model shortcut(Residual(halved, side), {4, 6, 6}, 1);
  CHECK(shortcut.parameters()[1].name() == "shortcut.0.weight");
  const Tensor sum =
      conv2d(x, shortcut.parameter("conv1.weight"), {}, {.stride = 2, .padding = 1}) +
      conv2d(x, shortcut.parameter("shortcut.0.weight"), {}, {.stride = 2});
  expect_equal(shortcut(x), relu(sum));

  CHECK_THROWS_WITH_AS(Model(Sequential{{"block", Residual(halved)}}, {4, 6, 6}),
                       "block: found [1, 6, 3, 3] and [1, 4, 6, 6] to add, expected equal shapes",
                       Error);
}

TEST_CASE("layers: batch norm counts its batches in training and uses its statistics after") {
  const Model model(Sequential{{"bn", BatchNorm(2)}}, {2, 3, 3});
  auto& bn = dynamic_cast<BatchNorm&>(model.find("bn"));
  const Tensor x = images(model, 4) * 3 + 1;
  model(x);
  model(x);
  CHECK(bn.num_batches_tracked == 2);
  CHECK(bn.running_mean.data()[0] > 0.05f);
  const Tensor mean = bn.running_mean.clone();
  model.eval();
  expect_equal(model(x), batch_norm(x, bn.weight, bn.bias, bn.running_mean, bn.running_var,
                                    {.training = false}));
  CHECK(bn.num_batches_tracked == 2);
  CHECK(bn.running_mean.to_vector() == mean.to_vector());
}

TEST_CASE("layers: dropout draws from its own stream, counted by steps") {
  const Model model(Sequential{{"drop", Dropout(0.5f)}}, {400}, 7);
  auto& layer = dynamic_cast<Dropout&>(model.find("drop"));
  const Tensor x = Tensor::full(model.batch_shape(2), 1);
  Rng first = Rng(layer.seed).split(0), second = Rng(layer.seed).split(1);
  CHECK(model(x).to_vector() == dropout(x, 0.5f, first).to_vector());
  CHECK(layer.step == 1);

  const Model copy = model.clone();  // goes on where the original stands
  const std::vector<float> next = model(x).to_vector();
  CHECK(next == dropout(x, 0.5f, second).to_vector());
  CHECK(copy(x).to_vector() == next);

  model.eval();
  CHECK(model(x).to_vector() == x.to_vector());
  CHECK(layer.step == 2);
  CHECK_THROWS_WITH_AS(Dropout(1),
                       "Dropout: found probability 1, expected 0 or more and less than 1", Error);
}

TEST_CASE("layers: the first value that is not finite is named, and nothing changes by asking") {
  const Model model = small_net();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor x = images(model, 2);
  const Tensor mean = model.buffers()[0].second.clone();
  CHECK(first_nonfinite(model, x) == "");

  Parameter weight = model.parameter("conv2.weight");
  const float before = weight.data()[0];
  weight.mutable_data()[0] = nan;
  CHECK(first_nonfinite(model, x) == "conv2.weight");
  weight.mutable_data()[0] = before;

  Parameter bias = model.parameter("fc.bias");
  bias.mutable_data()[1] = std::numeric_limits<float>::infinity();
  CHECK(first_nonfinite(model, x) == "fc.bias");
  bias.mutable_data()[1] = 0;

  // Finite weights whose output overflows.
  Parameter first = model.parameter("conv1.weight");
  first.copy_from(Tensor::full(first.shape(), 3e38f));
  CHECK(first_nonfinite(model, x) == "conv1");

  x.mutable_data()[0] = nan;
  CHECK(first_nonfinite(model, x) == "the input");
  CHECK(model.buffers()[0].second.to_vector() == mean.to_vector());
}

TEST_CASE("layers: a wrong input is an error that names the layer") {
  const Model model(Sequential{{"layer2", Sequential{{"0", Sequential{{"conv1", Conv2d(32, 8)}}}}},
                               {"flatten", Flatten()},
                               {"fc", Linear(8 * 4 * 4, 2)}},
                    {32, 6, 6});
  const auto run = [&](const Shape& shape) { return model(Tensor::zeros(shape)); };
  CHECK_THROWS_WITH_AS(run({1, 16, 6, 6}), "layer2.0.conv1: found 16 input channels, expected 32",
                       Error);
  CHECK_THROWS_WITH_AS(run({1, 32}),
                       "layer2.0.conv1: found input of shape [1, 32], expected images [N, C, H, W]",
                       Error);
  CHECK_THROWS_WITH_AS(
      run({1, 32, 2, 6}),
      "layer2.0.conv1: found an image of 2x6, with its padding 2x6, expected at least the "
      "kernel's 3x3",
      Error);
  CHECK_THROWS_WITH_AS(run({1, 32, 7, 6}), "fc: found 160 input features, expected 128", Error);
  CHECK_THROWS_WITH_AS(Conv2d(3, 8).forward(Tensor::zeros({1, 3, 4, 4})),
                       "Conv2d: found no weights, expected a layer that was initialised", Error);
  CHECK_THROWS_AS(Conv2d(0, 8), Error);
  CHECK_THROWS_AS(Conv2d(3, 8, {.kernel = 3, .stride = 0}), Error);
  CHECK_THROWS_AS(Linear(-1, 8), Error);
  CHECK_THROWS_AS(BatchNorm(4, {.eps = 0}), Error);
  CHECK_THROWS_AS(MaxPool2d({.kernel = 2, .stride = 2, .padding = 2}), Error);
}

TEST_CASE("layers: every pooling and activation layer calls its operation") {
  Rng rng(5);
  const Tensor x = Tensor::randn({2, 3, 6, 6}, rng);
  const auto through = [&](auto layer) {
    return Model(Sequential{{"layer", std::move(layer)}}, {3, 6, 6})(x);
  };
  expect_equal(through(MaxPool2d({.kernel = 3, .stride = 2})), max_pool2d(x, {3, 2, 0}));
  expect_equal(through(AvgPool2d({.kernel = 3, .stride = 1, .padding = 1})),
               avg_pool2d(x, {3, 1, 1}));
  expect_equal(through(GlobalAvgPool()), global_avg_pool(x));
  expect_equal(through(Flatten()), flatten(x));
  expect_equal(through(ReLU()), relu(x));
  expect_equal(through(LeakyReLU(0.2f)), leaky_relu(x, 0.2f));
  expect_equal(through(GELU()), gelu(x));
  expect_equal(through(Identity()), x);
}
