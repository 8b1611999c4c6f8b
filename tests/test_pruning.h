// What the tests of pruning share: small networks, and comparisons.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/loss.h"
#include "layers/layers.h"
#include "optim/optim.h"
#include "pruning/pruning.h"
#include "tests/test_optim.h"

namespace espalier::testing {

// The sum of a set's |w|: a criterion that needs no data.
inline pruning::Criterion sum_of_weights() {
  return pruning::criterion("sum", [](const pruning::Candidates& c) {
    pruning::Scores score(c.count, 0);
    c.each([&](const pruning::Member& m, std::int64_t i, std::int64_t set) {
      if (m.part == pruning::Part::Weight) score[set] += std::abs(m.parameter.data()[i]);
    });
    return score;
  });
}

// Conv 3->6, batch norm, ReLU, pool, conv 6->5, ReLU, flatten, linear 8, ReLU, linear 4.
inline layers::Model small_net(std::uint64_t seed = 1) {
  using namespace layers;
  Model model(Sequential{{"conv1", Conv2d(3, 6, {.padding = 1})},
                         {"bn1", BatchNorm(6)},
                         {"relu1", ReLU()},
                         {"pool1", MaxPool2d()},
                         {"conv2", Conv2d(6, 5, {.padding = 1})},
                         {"relu2", ReLU()},
                         {"flatten", Flatten()},
                         {"fc1", Linear(5 * 4 * 4, 8)},
                         {"relu3", ReLU()},
                         {"fc2", Linear(8, 4)}},
              {3, 8, 8}, seed);
  // Batch norm as after some training: shifts and statistics that are not zero.
  Rng rng(seed + 100);
  for (Parameter p : model.parameters())
    if (p.name().starts_with("bn"))
      for (std::int64_t i = 0; i < p.numel(); ++i) p.mutable_data()[i] += 0.5f * rng.normal();
  return model;
}

inline pruning::Examples random_examples(std::int64_t images, std::uint64_t seed,
                                         const Shape& image = {3, 8, 8}, int classes = 4) {
  Rng rng(seed);
  pruning::Examples examples;
  std::vector<std::int64_t> sizes = image.sizes();
  sizes.insert(sizes.begin(), images);
  examples.images = Tensor::randn(Shape(sizes), rng);
  for (std::int64_t i = 0; i < images; ++i)
    examples.labels.push_back(
        static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes))));
  return examples;
}

inline void train_step(const layers::Model& model, optim::Optimizer& optimizer,
                       const pruning::Examples& batch) {
  model.train();
  cross_entropy(model(batch.images), batch.labels).backward();
  optimizer.step();
}

inline std::int64_t gone(const pruning::Kept& kept) {
  std::int64_t count = 0;
  for (const auto stays : kept) count += !stays;
  return count;
}

// Batches of random pictures of this shape [C, H, W] or [F], with classes in [0, classes).
inline std::vector<pruning::Examples> example_batches(const Shape& picture, int classes,
                                                      const std::vector<int>& sizes,
                                                      std::uint64_t seed) {
  Rng rng(seed);
  std::vector<pruning::Examples> batches;
  for (const int size : sizes) {
    std::vector<std::int64_t> shape = picture.sizes();
    shape.insert(shape.begin(), size);
    pruning::Examples batch{Tensor::randn(Shape(shape), rng), {}};
    for (int n = 0; n < size; ++n)
      batch.labels.push_back(static_cast<std::int32_t>(rng.below(static_cast<unsigned>(classes))));
    batches.push_back(batch);
  }
  return batches;
}

// A batch norm as if trained: no value is a round one.
inline void unsettle_batch_norms(const layers::Model& model, std::uint64_t seed) {
  Rng rng(seed);
  for (const layers::Node& node : model.nodes()) {
    auto* norm = dynamic_cast<layers::BatchNorm*>(node.layer.get());
    if (!norm) continue;
    norm->weight.copy_from(Tensor::uniform({norm->channels}, 0.5f, 1.5f, rng));
    norm->bias.copy_from(Tensor::uniform({norm->channels}, -0.5f, 0.5f, rng));
    norm->running_mean.copy_from(Tensor::uniform({norm->channels}, -0.5f, 0.5f, rng));
    norm->running_var.copy_from(Tensor::uniform({norm->channels}, 0.5f, 1.5f, rng));
  }
}

// Two convolutions, the first with batch norm, and a linear layer, for pictures [2, 6, 5].
inline layers::Model small_network(std::uint64_t seed) {
  using namespace layers;
  Model model(Sequential{{"conv1", Conv2d(2, 5, {.kernel = 3, .padding = 1, .bias = false})},
                         {"bn1", BatchNorm(5)},
                         {"relu1", ReLU()},
                         {"conv2", Conv2d(5, 3, {.kernel = 3})},
                         {"relu2", ReLU()},
                         {"flatten", Flatten()},
                         {"fc", Linear(36, 4)}},
              {2, 6, 5}, seed);
  unsettle_batch_norms(model, seed + 1);
  return model;
}

inline bool all_plus_zero(const Tensor& tensor, const std::vector<std::uint8_t>& mask) {
  const auto values = tensor.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!mask[i] && (values[i] != 0 || std::signbit(values[i]))) return false;
  return true;
}

}  // namespace espalier::testing
