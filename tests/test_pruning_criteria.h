// What the tests of criteria share: small networks with values written out.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "layers/layers.h"
#include "pruning/candidates.h"
#include "pruning/criteria/criterion.h"
#include "tests/test_optim.h"

namespace espalier::testing {

inline void set(const layers::Model& model, const std::string& name, std::vector<float> values) {
  Parameter parameter = model.parameter(name);
  parameter.copy_from(Tensor::from(parameter.shape(), values));
}

inline std::vector<pruning::Candidates> lists_of(const layers::Model& model,
                                                 pruning::Structure structure) {
  return pruning::candidates(model, {.structure = structure});
}

// The scores of the list of that name.
inline pruning::Scores scores_of(const pruning::Criterion& criterion,
                                 const std::vector<pruning::Candidates>& lists,
                                 pruning::Evidence& evidence, const std::string& list) {
  const std::vector<pruning::Scores> all = criterion.score(lists, evidence);
  REQUIRE(all.size() == lists.size());
  for (std::size_t l = 0; l < lists.size(); ++l)
    if (lists[l].name == list) return all[l];
  FAIL("no list named " << list);
  return {};
}

inline void check_near(const pruning::Scores& found, const pruning::Scores& expected,
                       double tolerance = 1e-6) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(tolerance));
  }
}

// 2 -> 3 neurons -> 2, with these weights.
inline layers::Model small_mlp() {
  layers::Model model(
      layers::Sequential{
          {"fc1", layers::Linear(2, 3)}, {"relu", layers::ReLU()}, {"fc2", layers::Linear(3, 2)}},
      {2});
  set(model, "fc1.weight", {1, -2, 0.5, 0, 3, -4});
  set(model, "fc1.bias", {10, 20, 30});
  set(model, "fc2.weight", {1, 2, 3, -1, -1, -1});
  return model;
}

// Two convolutions with batch norm, the second in a block, on 2 x 5 x 7, for 3 classes. The running
// statistics and norms are no identities.
inline layers::Model small_resnet() {
  using namespace layers;
  Sequential main{{"conv", Conv2d(5, 5, {.padding = 1})}, {"bn", BatchNorm(5)}};
  Model model(Sequential{{"conv", Conv2d(2, 5, {.padding = 1, .bias = false})},
                         {"bn", BatchNorm(5)},
                         {"relu", ReLU()},
                         {"block", Residual(std::move(main))},
                         {"conv2", Conv2d(5, 6, {.stride = 2})},
                         {"relu2", ReLU()},
                         {"pool", GlobalAvgPool()},
                         {"flatten", Flatten()},
                         {"fc", Linear(6, 3)}},
              {2, 5, 7}, 3);
  Rng rng(4);
  for (const char* norm : {"bn", "block.bn"}) {
    auto& layer = dynamic_cast<BatchNorm&>(model.find(norm));
    layer.weight.copy_from(Tensor::uniform({5}, -1, 2, rng));
    layer.bias.copy_from(Tensor::uniform({5}, -1, 1, rng));
    layer.running_mean.copy_from(Tensor::uniform({5}, -1, 1, rng));
    layer.running_var.copy_from(Tensor::uniform({5}, 0.2f, 1, rng));
  }
  return model;
}

inline pruning::Examples random_examples(const Shape& shape, int classes, std::uint64_t seed) {
  Rng rng(seed);
  pruning::Examples examples{Tensor::randn(shape, rng), {}};
  for (std::int64_t n = 0; n < shape[0]; ++n)
    examples.labels.push_back(static_cast<std::int32_t>(rng.below(classes)));
  return examples;
}

}  // namespace espalier::testing
