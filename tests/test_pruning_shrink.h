// What the tests of shrinking share: networks of all wirings, masks at random, comparisons.
#pragma once

#include "tests/test_pruning.h"

namespace espalier::testing {

// Every parameter and statistic as if trained: no bias or shift is zero.
inline layers::Model unsettled(layers::Model model, std::uint64_t seed = 5) {
  Rng rng(seed);
  for (Parameter p : model.parameters())
    if (p.name().ends_with("bias")) p.copy_from(Tensor::uniform(p.shape(), -0.5f, 0.5f, rng));
  unsettle_batch_norms(model, seed);
  return model;
}

inline Tensor evaluate(const layers::Model& model, const Tensor& images) {
  const layers::EvaluationMode evaluation(model);
  const NoGrad off;
  return outputs_of(model, images);
}

// The largest difference of two networks' outputs, relative to the largest output.
inline double difference(const Tensor& a, const Tensor& b) {
  const std::vector<float> x = a.to_vector(), y = b.to_vector();
  REQUIRE(x.size() == y.size());
  double largest = 0, scale = 1e-30;
  for (std::size_t i = 0; i < x.size(); ++i) {
    largest = std::max<double>(largest, std::abs(x[i] - y[i]));
    scale = std::max<double>(scale, std::abs(y[i]));
  }
  return largest / scale;
}

// Removes a share of the units of every list of this structure, chosen at random.
inline void remove_at_random(const layers::Model& model, pruning::Structure structure, double share,
                             std::uint64_t seed) {
  Rng rng(seed);
  for (const auto& list : pruning::candidates(model, {.structure = structure})) {
    pruning::Kept kept(list.count, 1);
    for (auto& k : kept) k = rng.uniform() >= share;
    pruning::remove(list, kept);
  }
}

inline void expect_same_outputs(const layers::Model& a, const layers::Model& b,
                                double tolerance = 1e-5) {
  const Tensor x = random_examples(7, 99, a.input_shape()).images;
  CHECK(difference(evaluate(a, x), evaluate(b, x)) < tolerance);
}

inline std::map<std::string, std::vector<float>> everything(const layers::Model& model) {
  std::map<std::string, std::vector<float>> all;
  for (const Parameter& p : model.parameters()) {
    all[p.name()] = p.to_vector();
    if (p.mask()) all[p.name() + ".mask"] = {p.mask(), p.mask() + p.numel()};
    for (const auto& [key, t] : p.states()) all[p.name() + "." + key] = t.to_vector();
  }
  for (const auto& [name, t] : model.buffers()) all[name] = t.to_vector();
  return all;
}

// Two stages of blocks that are padded, one with a shortcut, over odd widths.
inline layers::Model residual_net(std::uint64_t seed = 1) {
  using namespace layers;
  const auto block = [](std::int64_t in, std::int64_t out, int stride) {
    Sequential main{{"conv1", Conv2d(in, out + 2, {.stride = stride, .padding = 1, .bias = false})},
                    {"bn1", BatchNorm(out + 2)},
                    {"relu1", ReLU()},
                    {"conv2", Conv2d(out + 2, out, {.padding = 1, .bias = false})},
                    {"bn2", BatchNorm(out)}};
    Sequential shortcut;
    if (stride != 1)
      shortcut.add(Conv2d(in, out, {.kernel = 1, .stride = stride, .bias = false}))
          .add(BatchNorm(out));
    return Residual(std::move(main), std::move(shortcut));
  };
  return unsettled(Model(Sequential{{"conv1", Conv2d(3, 5, {.padding = 1, .bias = false})},
                                    {"bn1", BatchNorm(5)},
                                    {"relu", ReLU()},
                                    {"block1", block(5, 5, 1)},
                                    {"block2", block(5, 9, 2)},
                                    {"block3", block(9, 9, 1)},
                                    {"pool", GlobalAvgPool()},
                                    {"flatten", Flatten()},
                                    {"fc", Linear(9, 4)}},
                         {3, 8, 8}, seed),
                   seed);
}

}  // namespace espalier::testing
