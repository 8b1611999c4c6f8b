// Synaptic flow: by hand, conserved, and nothing left behind.
#include <algorithm>
#include <numeric>

#include "tests/test_pruning_criteria.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

double total(const Scores& scores) { return std::accumulate(scores.begin(), scores.end(), 0.0); }

// The model's every bit that a criterion could touch.
std::vector<std::vector<float>> values_of(const layers::Model& model) {
  std::vector<std::vector<float>> all;
  for (const Parameter& p : model.parameters()) all.push_back(p.to_vector());
  for (const auto& [name, buffer] : model.buffers()) all.push_back(buffer.to_vector());
  return all;
}

}  // namespace

TEST_CASE("synflow on two layers worked out by hand") {
  layers::Model model(
      layers::Sequential{
          {"fc1", layers::Linear(2, 2)}, {"act", layers::GELU()}, {"fc2", layers::Linear(2, 2)}},
      {2});
  set(model, "fc1.weight", {1, -2, 0.5, 0});
  set(model, "fc1.bias", {100, -100});
  set(model, "fc2.weight", {1, -1, -2, 0});
  Evidence evidence(model);
  // h = (3, 0.5), R = 3 * 3 + 1 * 0.5
  const auto lists = lists_of(model, Weight);
  check_near(scores_of(synflow(), lists, evidence, "fc1"), {3, 6, 0.5, 0});
  check_near(scores_of(synflow(), lists, evidence, "fc2"), {3, 0.5, 6, 0});
  check_near(scores_of(synflow(), lists_of(model, Neuron), evidence, "fc1"), {9, 0.5});
  CHECK(synflow().rounds == 100);
}

TEST_CASE("synflow is conserved through every layer of a chain") {
  using namespace layers;
  Model model(Sequential{{"conv1", Conv2d(3, 7, {.padding = 1})},
                         {"bn1", BatchNorm(7)},
                         {"relu1", ReLU()},
                         {"pool1", MaxPool2d()},
                         {"conv2", Conv2d(7, 5, {.kernel = 2, .stride = 2})},
                         {"bn2", BatchNorm(5)},
                         {"act2", LeakyReLU(0.2f)},
                         {"pool2", AvgPool2d()},
                         {"flatten", Flatten()},
                         {"drop", Dropout(0.5f)},
                         {"fc", Linear(15, 4)}},
              {3, 9, 25}, 2);
  for (const char* norm : {"bn1", "bn2"}) {
    auto& layer = dynamic_cast<BatchNorm&>(model.find(norm));
    Rng rng(8);
    layer.weight.copy_from(Tensor::randn({layer.channels}, rng));
    layer.bias.copy_from(Tensor::randn({layer.channels}, rng));
    layer.running_var.copy_from(Tensor::uniform({layer.channels}, 0.5f, 2, rng));
  }
  Parameter weight = model.parameter("conv2.weight");
  std::vector<std::uint8_t> mask(weight.numel(), 1);
  std::fill_n(mask.begin(), 30, 0);
  weight.set_mask(mask);
  const auto before = values_of(model);
  Evidence evidence(model);
  const auto lists = lists_of(model, Weight);
  const auto all = synflow().score(lists, evidence);
  REQUIRE(all.size() == 3);
  CHECK(total(all[0]) > 0);
  CHECK(total(all[1]) == doctest::Approx(total(all[0])).epsilon(1e-5));
  CHECK(total(all[2]) == doctest::Approx(total(all[0])).epsilon(1e-5));
  CHECK(std::all_of(all[1].begin(), all[1].begin() + 30, [](double s) { return s == 0; }));
  // Neither values nor modes, gradients or layers are others than before.
  CHECK(values_of(model) == before);
  CHECK(model.training());
  CHECK(model.find("act2").type() == "LeakyReLU");
  for (const Parameter& p : model.parameters()) CHECK_FALSE(p.grad().defined());
}

TEST_CASE("synflow goes beyond the largest float, and through residuals") {
  layers::Sequential deep;
  for (int i = 0; i < 60; ++i) deep.add(layers::Linear(8, 8, {.bias = false}));
  const layers::Model model(deep, {8});
  for (Parameter p : model.parameters()) p.copy_from(Tensor::full({8, 8}, -1));
  Evidence evidence(model);
  const auto lists = lists_of(model, Weight);
  for (const Scores& scores : synflow().score(lists, evidence))
    CHECK(scores == Scores(64, std::ldexp(1.0, 183 - 6)));  // R = 8 * 8^60

  const layers::Model resnet = layers::ResNet56(10, 0, {3, 8, 8});
  Evidence of_resnet(resnet);
  const auto ends = candidates(resnet, {.structure = Weight, .only = {"conv1", "fc"}});
  REQUIRE(ends.size() == 2);
  const auto scores = synflow().score(ends, of_resnet);
  CHECK(std::isfinite(total(scores[0])));
  CHECK(total(scores[0]) > 0);
  CHECK(total(scores[0]) == doctest::Approx(total(scores[1])).epsilon(1e-4));
}
