// Batch norm folded into the convolution in front of it: the same results, and when it is done.
#include "layers/folded.h"

#include "core/memory.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;

namespace {

// Layer by layer: what somebody who observes gets.
Tensor apart(const Model& model, const Tensor& x) {
  const Observe observe([](const Module&, const std::string&, const Tensor&, const Tensor&) {});
  return evaluate(model, x);
}

void expect_same_apart(const Model& model, const Tensor& x, double tolerance = 1e-5) {
  CHECK(difference(evaluate(model, x), apart(model, x)) < tolerance);
}

Model net(const Conv2dOptions& options) {
  return unsettled(Model(Sequential{{"conv", Conv2d(3, 5, options)},
                                    {"bn", BatchNorm(5)},
                                    {"relu", ReLU()},
                                    {"pool", MaxPool2d()},
                                    {"conv2", Conv2d(5, 4, {.padding = 1, .bias = false})},
                                    {"bn2", BatchNorm(4)},
                                    {"bn3", BatchNorm(4)}},
                         {3, 8, 12}, 3));
}

}  // namespace

TEST_CASE("fold: one convolution in place of two to four layers, with the same result") {
  for (const bool bias : {false, true})
    for (const Conv2dOptions& options :
         {Conv2dOptions{.kernel = 3, .padding = 1, .bias = bias},
          Conv2dOptions{.kernel = 1, .bias = bias},
          Conv2dOptions{.kernel = 3, .stride = 2, .padding = 1, .bias = bias}})
      for (const std::int64_t images : {1, 7, 40}) {
        const Model model = net(options);
        expect_same_apart(model, random_examples(images, 1, model.input_shape()).images);
      }
}

TEST_CASE("fold: networks of residual blocks and of VGG's kind, with masks and zero scales") {
  for (const char* name : {"resnet20", "vgg16", "mobilenetv2"}) {
    const Model model = unsettled(make_model(name, 10, 1));
    const Tensor x = random_examples(5, 2, model.input_shape()).images;
    expect_same_apart(model, x);
    remove_at_random(model, pruning::Filter, 0.3, 1);
    remove_at_random(model, pruning::Weight, 0.3, 2);
    expect_same_apart(model, x);
    for (const layers::Node& node : model.nodes())
      if (auto* norm = dynamic_cast<BatchNorm*>(node.layer.get()))
        norm->weight.mutable_data()[1] = 0;
    expect_same_apart(model, x);
    pruning::shrink(model);
    expect_same_apart(model, x);
  }
}

TEST_CASE("fold: follows every change of a tensor, and copies have their own") {
  const Model model = net({.padding = 1});
  const Tensor x = random_examples(4, 1, model.input_shape()).images;
  evaluate(model, x);
  for (const char* name : {"conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn2.weight"}) {
    CAPTURE(std::string(name));
    const Tensor before = evaluate(model, x);
    Parameter p = model.parameter(name);
    for (std::int64_t i = 0; i < p.numel(); ++i) p.mutable_data()[i] += 0.3f;
    CHECK(difference(evaluate(model, x), before) > 1e-4);
    expect_same_apart(model, x);
  }
  auto& norm = dynamic_cast<BatchNorm&>(model.find("bn"));
  norm.running_mean.mutable_data()[0] += 1;
  expect_same_apart(model, x);
  norm.running_var = Tensor::full({5}, 0.7f);
  expect_same_apart(model, x);
  norm.options.eps = 0.5f;
  expect_same_apart(model, x);
  const Model copy = model.clone();
  copy.parameter("conv.weight").mutable_data()[0] += 1;
  expect_same_apart(copy, x);
  expect_same_apart(model, x);

  optim::SGD sgd(model, {.lr = 0.1});
  model.train();
  mean(model(x) * model(x)).backward();
  sgd.step();
  expect_same_apart(model, x);
}

TEST_CASE("fold: not in training, and not where the way back is recorded") {
  const Model model = net({.padding = 1});
  const Tensor x = random_examples(6, 1, model.input_shape()).images;
  auto& norm = dynamic_cast<BatchNorm&>(model.find("bn"));
  {
    const NoGrad off;
    model.train();
    model(x);
  }
  CHECK(norm.num_batches_tracked == 1);  // of the batch's own statistics
  model.eval();
  const Tensor y = model(x);
  REQUIRE(y.impl()->node);
  mean(y).backward();
  CHECK(norm.weight.grad().defined());
  CHECK(difference(evaluate(model, x), y) < 1e-5);
  norm.train();  // alone, as for statistics gathered anew
  {
    const NoGrad off;
    model(x);
  }
  CHECK(norm.num_batches_tracked == 2);
}

TEST_CASE("fold: nothing is allocated once warm, and nothing is folded twice") {
  const Model model = make_model("resnet20", 10, 1);
  model.eval();
  const NoGrad off;
  const Tensor x = random_examples(32, 1, model.input_shape()).images;
  const auto versions = [&] {
    std::vector<std::uint64_t> all;
    for (const auto& [name, tensor] : model.buffers()) all.push_back(tensor.version());
    return all;
  };
  const auto before = versions();
  for (int i = 0; i < 3; ++i) model(x);
  const auto warm = memory_statistics().system_requests;
  for (int i = 0; i < 3; ++i) model(x);
  CHECK(memory_statistics().system_requests == warm);
  CHECK(versions() == before);
}

TEST_CASE("fold: rows of a sparse weight scale with their outputs") {
  BatchNorm norm(3);
  norm.weight = Parameter(Tensor::from({3}, std::vector<float>{2, 0, -1}));
  norm.bias = Parameter(Tensor::from({3}, std::vector<float>{1, 2, 3}));
  norm.running_mean = Tensor::from({3}, std::vector<float>{1, 1, 1});
  norm.running_var = Tensor::from({3}, std::vector<float>{1, 4, 0.25f});
  norm.options.eps = 1e-12f;
  const Pattern pattern = std::make_shared<const SparsePattern>(
      Shape{3, 4}, std::vector<std::uint32_t>{0, 1, 1, 4}, std::vector<std::uint32_t>{2, 0, 1, 3});
  const Parameter values(Tensor::from({4}, std::vector<float>{1, 2, 3, 4}), pattern);
  Folded folded(norm);
  const Folded::Weights found = folded.with(values, {});
  CHECK(found.weight.pattern() == pattern);
  CHECK(found.weight.to_vector() == std::vector<float>{2, -4, -6, -8});
  CHECK(found.bias.to_vector() == std::vector<float>{-1, 2, 5});
  CHECK(same(folded.with(values, {}).weight, found.weight));
}
