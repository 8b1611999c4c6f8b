// Criteria of gradients and outputs: on numbers worked out by hand, against finite differences, and
// over several batches.
#include <algorithm>
#include <map>

#include "core/autograd.h"
#include "core/ops/loss.h"
#include "tests/test_pruning_criteria.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

// `span` slices for each of so many units: 0, 0, 1, 1, ...
SliceUnits slice_units(int units, std::int64_t span) {
  std::vector<int> result;
  for (int u = 0; u < units; ++u) result.insert(result.end(), span, u);
  return std::make_shared<const std::vector<int>>(std::move(result));
}

// Units that are the network's own inputs after a ReLU: what is asked for is what is measured.
struct Shown {
  layers::Model model;
  std::vector<Candidates> lists;

  Shown(const Shape& input, std::int64_t units, std::int64_t span)
      : model(layers::Sequential{{"relu", layers::ReLU()},
                                 {"flatten", layers::Flatten()},
                                 {"fc", layers::Linear(input.numel(), 2)}},
              input),
        lists{{.structure = Neuron,
               .name = "g",
               .count = units,
               .shown_by = {{"relu", slice_units(units, span)}}}} {}

  Scores scores(const Criterion& c, const std::vector<Examples>& batches) const {
    Evidence evidence(model, batches);
    return c.score(lists, evidence)[0];
  }
};

Examples examples(const Shape& shape, std::vector<float> values, std::vector<std::int32_t> labels) {
  return {Tensor::from(shape, values), std::move(labels)};
}

// Images [begin, end) of a batch.
Examples part(const Examples& all, std::int64_t begin, std::int64_t end) {
  const auto values = all.images.to_vector();
  Shape shape = all.images.shape();
  const std::int64_t size = all.images.numel() / shape[0];
  shape.set(0, end - begin);
  return {Tensor::from(shape, std::span(values).subspan(begin * size, shape.numel())),
          {all.labels.begin() + begin, all.labels.begin() + end}};
}

double loss_of(const layers::Model& model, const Examples& batch) {
  const NoGrad off;
  return cross_entropy(model(batch.images), batch.labels).item();
}

// dL/dz of a factor z on those elements of parameters that belong to a unit, by differences.
double gate(const layers::Model& model, const Examples& batch,
            const std::vector<std::string>& names, std::int64_t unit, std::int64_t units) {
  double loss[2];
  for (int side = 0; side < 2; ++side) {
    const layers::Model moved = model.clone();
    moved.eval();
    for (const std::string& name : names) {
      Parameter p = moved.parameter(name);
      const std::int64_t row = p.numel() / units;
      for (std::int64_t i = unit * row; i < (unit + 1) * row; ++i)
        p.mutable_data()[i] *= side ? 1.02f : 0.98f;
    }
    loss[side] = loss_of(moved, batch);
  }
  return (loss[1] - loss[0]) / 0.04;
}

}  // namespace

TEST_CASE("gradient, taylor and snip on a softmax worked out by hand") {
  layers::Model model(layers::Sequential{{"fc", layers::Linear(1, 2, {.bias = false})}}, {1});
  set(model, "fc.weight", {3, 3});
  // Equal logits: the gradient of a picture x of class 0 is (-x / 2, x / 2).
  Evidence evidence(model, {examples({1, 1}, {2}, {0}), examples({3, 1}, {4, 4, 4}, {1, 1, 1})});
  const auto lists = lists_of(model, Weight);
  check_near(scores_of(gradient(), lists, evidence, "fc"), {1.5, 1.5});
  check_near(scores_of(taylor(), lists, evidence, "fc"), {4.5, 4.5});
  // (-1 + 3 * 2) / 4 over all pictures
  check_near(scores_of(snip(), lists, evidence, "fc"), {3.75, 3.75});
  const auto rows = candidates(model, {.structure = Block, .block_rows = 2, .block_columns = 1});
  check_near(scores_of(gradient(), rows, evidence, "fc"), {1.5 * std::sqrt(2)});
  check_near(scores_of(taylor(), rows, evidence, "fc"), {0});
  check_near(scores_of(snip(), rows, evidence, "fc"), {7.5});
}

TEST_CASE("snip counts the gradient of a weight that two layers share once") {
  layers::Sequential chain{{"a", layers::Linear(2, 2, {.bias = false})},
                           {"b", layers::Linear(2, 2, {.bias = false})}};
  layers::Model apart(chain, {2}), shared = apart.clone();
  const std::vector<float> same = {1, 2, -1, 0.5f};
  for (const char* name : {"a.weight", "b.weight"}) set(apart, name, same);
  const auto layer = [&](int i) { return shared.nodes()[i].layer; };
  set(shared, "a.weight", same);
  std::dynamic_pointer_cast<layers::Linear>(layer(1))->weight =
      std::dynamic_pointer_cast<layers::Linear>(layer(0))->weight;
  const auto scored = [](const layers::Model& model, const char* list) {
    Evidence evidence(model, {examples({1, 2}, {2, 3}, {0})});
    return scores_of(snip(), lists_of(model, Weight), evidence, list);
  };
  const auto a = scored(apart, "a"), b = scored(apart, "b"), both = scored(shared, "a");
  // The gradients of the two are added, once; they may be of different signs.
  double largest = 0;
  for (std::size_t i = 0; i < both.size(); ++i)
    largest = std::max(largest, both[i] / (a[i] + b[i]));
  CHECK(largest == doctest::Approx(1));
}

TEST_CASE("taylor of a neuron is the size, not the sign, of what its gate changes in the loss") {
  const layers::Model model(
      layers::Sequential{
          {"fc1", layers::Linear(4, 6)}, {"act", layers::GELU()}, {"fc2", layers::Linear(6, 3)}},
      {4}, 1);
  Rng rng(2);
  for (Parameter p : model.parameters()) p.copy_from(Tensor::randn(p.shape(), rng));
  // A scale on weights and bias is one on what goes into the activation.
  const Examples one = random_examples({5, 4}, 3, 3), two = random_examples({7, 4}, 3, 4);
  Evidence evidence(model, {one, two});
  Scores expected;
  bool raises = false, lowers = false;
  for (std::int64_t u = 0; u < 6; ++u) {
    const double a = gate(model, one, {"fc1.weight", "fc1.bias"}, u, 6);
    const double b = gate(model, two, {"fc1.weight", "fc1.bias"}, u, 6);
    (a > 0 ? raises : lowers) = true;
    expected.push_back((std::abs(a) + std::abs(b)) / 2);
  }
  REQUIRE((raises && lowers));
  check_near(scores_of(taylor(), lists_of(model, Neuron), evidence, "fc1"), expected, 2e-3);
}

TEST_CASE("taylor of filters and layers with batch norm is that of the gate behind it") {
  const layers::Model model = small_resnet();
  const Examples batch = random_examples({6, 2, 5, 7}, 3, 3);
  Evidence evidence(model, {batch});
  const auto filters = lists_of(model, Filter);
  // Both paths of the block end in the same channels.
  Scores coupled, plain;
  for (std::int64_t u = 0; u < 5; ++u)
    coupled.push_back(std::abs(
        gate(model, batch, {"bn.weight", "bn.bias", "block.bn.weight", "block.bn.bias"}, u, 5)));
  for (std::int64_t u = 0; u < 6; ++u)
    plain.push_back(std::abs(gate(model, batch, {"conv2.weight", "conv2.bias"}, u, 6)));
  check_near(scores_of(taylor(), filters, evidence, "conv"), coupled, 1e-2);
  check_near(scores_of(taylor(), filters, evidence, "conv2"), plain, 1e-2);
  const double block = std::abs(gate(model, batch, {"block.bn.weight", "block.bn.bias"}, 0, 1));
  check_near(scores_of(taylor(), lists_of(model, Layer), evidence, "layers"), {block}, 1e-2);
}

TEST_CASE("weighted: |w| times the mean |input| that it reads, over all pictures") {
  const layers::Model model = small_mlp();
  Evidence evidence(model,
                    {examples({2, 2}, {1, -1, 3, 0}, {0, 1}), examples({1, 2}, {-2, 2}, {1})});
  // means 2 and 1
  check_near(scores_of(weighted(), lists_of(model, Weight), evidence, "fc1"), {2, 2, 1, 0, 6, 4});
  check_near(scores_of(weighted(), lists_of(model, Neuron), evidence, "fc1"), {4, 1, 10});

  layers::Model conv(layers::Sequential{{"conv", layers::Conv2d(2, 1, {.kernel = 2})},
                                        {"flatten", layers::Flatten()},
                                        {"fc", layers::Linear(2, 2)}},
                     {2, 2, 3});
  set(conv, "conv.weight", {1, -1, 2, 0, 1, 1, -3, 5});
  Evidence images(conv, {examples({1, 2, 2, 3}, {1, -1, 1, -1, 1, 7, 0, 0, 0, -3, 0, 0}, {0})});
  // means 2 and 0.5
  check_near(scores_of(weighted(), lists_of(conv, Weight), images, "conv"),
             {2, 2, 4, 0, 0.5, 0.5, 1.5, 2.5});
}

TEST_CASE("mean, variance and zeros of outputs worked out by hand") {
  const Shown two({4}, 2, 2);  // unit 0 is features 0 and 1
  const std::vector<Examples> batches = {examples({2, 4}, {1, -1, 0, 0, 3, 2, 0, -5}, {0, 1}),
                                         examples({1, 4}, {-4, 6, 0, 9}, {0})};
  // after the ReLU: 1 0 3 2 0 6 and 0 0 0 0 0 9
  check_near(two.scores(activation(), batches), {2, 1.5});
  check_near(two.scores(apoz(), batches), {4.0 / 6, 1.0 / 6});
  check_near(two.scores(variance(), batches), {50.0 / 6 - 4, 81.0 / 6 - 2.25});
}

TEST_CASE("entropy and mutual information of responses worked out by hand") {
  const Shown four({4}, 4, 1);
  const std::vector<Examples> batches = {
      examples({3, 4}, {0, 5, 0, 0, 1, 5, 0, 1, 2, 5, 0, 0}, {7, 7, 3}),
      examples({1, 4}, {3, 5, 1, 1}, {3})};
  const double quarter = 2 - 0.75 * std::log2(3);  // of 3 : 1
  check_near(four.scores(entropy(), batches), {2, 0, quarter, 1});
  check_near(four.scores(mutual_information(), batches), {1, 0, quarter + 1 - 1.5, 0});
}

TEST_CASE("statistics of images leave padding out and take all batches as one") {
  const Shown shown({3, 5, 7}, 3, 1);
  Examples all = random_examples({19, 3, 5, 7}, 2, 6);
  std::vector<float> values = all.images.to_vector();
  // Channel 1 lies far from zero and varies little; channel 2 is dead but for some.
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i / 35 % 3 == 1) values[i] = 1000 + 0.1f * values[i];
    if (i / 35 % 3 == 2) values[i] -= 1.5f;
  }
  all.images = Tensor::from({19, 3, 5, 7}, values);
  Scores mean(3, 0), squares(3, 0), alive(3, 0);
  const auto each = [&](const auto& see) {
    for (std::size_t i = 0; i < values.size(); ++i)
      see(i / 35 % 3, static_cast<double>(std::max(0.0f, values[i])));
  };
  each([&](std::size_t c, double x) {
    mean[c] += x / (19 * 35), alive[c] += (x > 0) / (19.0 * 35);
  });
  each([&](std::size_t c, double x) { squares[c] += (x - mean[c]) * (x - mean[c]) / (19 * 35); });
  // In vectors with padding lanes, and with one picture a block.
  const std::vector<std::vector<Examples>> ways = {
      {all},
      {part(all, 0, 1), part(all, 1, 18), part(all, 18, 19)},
      {part(all, 0, 3), part(all, 3, 19)}};
  for (const auto& batches : ways) {
    check_near(shown.scores(activation(), batches), mean, 1e-6);
    check_near(shown.scores(apoz(), batches), alive, 1e-12);
    check_near(shown.scores(variance(), batches), squares, 1e-4);
    check_near(shown.scores(entropy(), batches), shown.scores(entropy(), ways[0]), 1e-12);
    check_near(shown.scores(mutual_information(), batches),
               shown.scores(mutual_information(), ways[0]), 1e-12);
  }
  CHECK(shown.scores(activation(), {ways[1][2]}) != shown.scores(activation(), ways[1]));
}

TEST_CASE("a response of an image is the mean of its plane") {
  const Shown shown({1, 1, 2}, 1, 1);
  // means 1, 1, 1, 2: the pixels alone would fill more bins
  const std::vector<Examples> batches = {
      examples({4, 1, 1, 2}, {0, 2, 1, 1, 2, 0, 0, 4}, {0, 0, 1, 1})};
  check_near(shown.scores(entropy(), batches), {2 - 0.75 * std::log2(3)});
}

TEST_CASE("of several layers that show a unit the mean counts") {
  layers::Model model(
      layers::Sequential{
          {"a", layers::ReLU()}, {"b", layers::LeakyReLU(0.5f)}, {"fc", layers::Linear(2, 2)}},
      {2});
  const std::vector<Examples> batches = {examples({1, 2}, {1, -2}, {0})};
  Evidence evidence(model, batches);
  std::vector<Candidates> lists = {
      {.structure = Neuron,
       .name = "g",
       .count = 2,
       .shown_by = {{"a", slice_units(2, 1)}, {"fc", slice_units(2, 1)}}}};
  set(model, "fc.weight", {3, 0, 0, 1});
  set(model, "fc.bias", {0, -4});
  check_near(activation().score(lists, evidence)[0], {2, 2});  // of 1 and 3, 0 and 4
  lists[0].shown_by = {{"none", slice_units(2, 1)}};
  CHECK(error_of([&] { activation().score(lists, evidence); }) ==
        "none: found no output, expected a layer that runs");
  lists[0].shown_by = {{"a", slice_units(2, 2)}};
  CHECK(error_of([&] { activation().score(lists, evidence); }) ==
        "a: found 2 outputs, expected 4 for the units of g");
}

TEST_CASE("outputs that are no numbers give no score") {
  const Shown shown({2}, 2, 1);
  const Scores scores = shown.scores(entropy(), {examples({2, 2}, {1, INFINITY, 2, 3}, {0, 1})});
  CHECK(scores[0] == 1);
  CHECK(std::isnan(scores[1]));
}
