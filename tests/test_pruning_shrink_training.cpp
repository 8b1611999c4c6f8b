// Shrinking in the middle of training: the same steps as with masks, with the same optimiser.
#include "tests/test_optim_kinds.h"
#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

// A bias before a batch norm has no gradient but rounding, of which Adam makes whole steps.
std::vector<layers::Model> networks(bool without_idle_biases) {
  if (without_idle_biases) return {residual_net(), unsettled(small_network(3))};
  return {residual_net(), unsettled(small_network(3)), unsettled(small_net())};
}

}  // namespace

TEST_CASE("shrink: k steps afterwards are k steps with masks") {
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(std::string(kind.name));
    for (const layers::Model& masked : networks(std::string(kind.name).starts_with("adam"))) {
      const auto batches = example_batches(masked.input_shape(), 4, std::vector<int>(9, 12), 3);
      const auto optimizer = kind.make(masked.parameters());
      optimizer->set_lr(0.01);
      optim::Ema ema(masked, 0.9);
      for (int i = 0; i < 3; ++i) train_step(masked, *optimizer, batches[i]), ema.update();
      remove_at_random(masked, Filter, 0.5, 2);
      train_step(masked, *optimizer, batches[3]);  // the mask's own step
      ema.update();

      const layers::Model small = masked.clone();
      const auto small_optimizer = kind.make(small.parameters());  // on the parameters as they were
      small_optimizer->set_lr(0.01);
      small_optimizer->set_steps(optimizer->steps());
      optim::Ema small_ema(small, 0.9);
      CHECK(shrink(small).changed());
      for (int i = 4; i < 9; ++i) {
        for (const auto& [model, step] :
             {std::pair{masked, &*optimizer}, {small, &*small_optimizer}}) {
          model.train();
          cross_entropy(model(batches[i].images), batches[i].labels).backward();
          optim::clip_grad_norm(model, 1.0);
          step->step();
        }
        ema.update(), small_ema.update();
      }
      expect_same_outputs(small, masked, 1e-4);
      ema.swap(), small_ema.swap();
      expect_same_outputs(small, masked, 1e-4);
    }
  }
}

TEST_CASE("shrink: optimisers keep their parameters, and gradients of before are forgotten") {
  const layers::Model model = unsettled(small_net());
  optim::Adam adam(model, {.lr = 0.01});
  const auto batches = example_batches(model.input_shape(), 4, {8, 8}, 1);
  train_step(model, adam, batches[0]);
  remove_at_random(model, Filter, 0.5, 4);
  const Parameter before = model.parameter("conv2.weight");
  shrink(model);
  CHECK(same(before, model.parameter("conv2.weight")));
  CHECK(before.states().at("exp_avg").shape() == before.shape());
  CHECK_FALSE(before.grad().defined());
  adam.step();  // nothing to do
  const auto values = before.to_vector();
  train_step(model, adam, batches[1]);
  CHECK(before.to_vector() != values);
}

TEST_CASE("shrink: training, pruning and shrinking in turns") {
  const layers::Model model = residual_net();
  optim::SGD sgd(model, {.lr = 0.05, .momentum = 0.9, .nesterov = true});
  const auto batches = example_batches(model.input_shape(), 4, std::vector<int>(8, 10), 2);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    train_step(model, sgd, batches[i]);
    remove_at_random(model, Filter, 0.15, i);
    const layers::Model masked = model.clone();
    shrink(model);
    expect_same_outputs(model, masked);
  }
  CHECK(layers::summary(model).total.parameters < 2000);
}

TEST_CASE("shrink: constants that went into a bias keep the network the same in training mode") {
  const layers::Model model = unsettled(small_network(2));
  Parameter weight = model.parameter("conv2.weight");
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(weight.numel()), 1);
  std::fill_n(mask.begin(), 45, 0);
  weight.set_mask(mask);
  model.parameter("conv2.bias").mutable_data()[0] = 0.5f;
  const layers::Model masked = model.clone();
  CHECK(shrink(model).lists[1].folded == 1);
  const Tensor x = random_examples(6, 1, model.input_shape()).images;
  CHECK(difference(model(x), masked(x)) < 1e-5);
}
