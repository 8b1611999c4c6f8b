// Shrinking: a network without what its masks silence gives what the masked one gives.
#include "tests/test_pruning_shrink.h"

#include <functional>

#include "tests/tempdir.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

std::int64_t units(const Shrunk& shrunk, bool after) {
  std::int64_t sum = 0;
  for (const auto& list : shrunk.lists) sum += after ? list.after : list.before;
  return sum;
}

// Shrinks a copy; outputs are equal, and a second time nothing happens.
layers::Model expect_equal_when_shrunk(const layers::Model& model) {
  const layers::Model small = model.clone();
  const Shrunk shrunk = shrink(small);
  expect_same_outputs(small, model);
  const auto before = everything(small);
  CHECK_FALSE(shrink(small).changed());
  CHECK(everything(small) == before);
  return small;
}

// Every unit that a mask has silenced is gone, but for one where a group was silent whole.
void expect_no_silent_units(const layers::Model& model, Structure structure) {
  for (const auto& list : candidates(model, {.structure = structure}))
    CHECK(gone(kept(list)) == (list.count == 1 && gone(kept(list)) == 1 ? 1 : 0));
}

}  // namespace

TEST_CASE("shrink: filters of a chain, at random") {
  for (const double share : {0.2, 0.5, 0.9, 1.0}) {
    CAPTURE(share);
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
      for (const layers::Model& model : {unsettled(small_net()), unsettled(small_network(seed))}) {
        remove_at_random(model, Filter, share, seed);
        expect_no_silent_units(expect_equal_when_shrunk(model), Filter);
      }
    }
  }
}

TEST_CASE("shrink: channels of a residual network, at random") {
  for (const double share : {0.2, 0.5, 0.9, 1.0}) {
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
      const layers::Model model = residual_net(seed);
      remove_at_random(model, Filter, share, seed);
      expect_no_silent_units(expect_equal_when_shrunk(model), Filter);
    }
  }
}

TEST_CASE("shrink: neurons, at random") {
  const layers::Model model = unsettled(layers::make_model("lenet300", 10, 0));
  remove_at_random(model, Neuron, 0.6, 3);
  const layers::Model small = expect_equal_when_shrunk(model);
  expect_no_silent_units(small, Neuron);
  CHECK(layers::summary(small).total.parameters < layers::summary(model).total.nonzero * 101 / 100);
}

TEST_CASE("shrink: sizes, masks and statistics are cut by the same units") {
  const layers::Model model = unsettled(small_net());
  const auto lists = candidates(model, {.structure = Filter});
  remove(lists[0], {1, 0, 1, 1, 0, 1});
  remove(lists[1], {0, 1, 1, 0, 0});
  const auto fc1 = model.parameter("fc1.weight").to_vector();
  const auto mean = model.buffers()[0].second.to_vector();
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(model.parameter("fc1.weight").numel()));
  std::copy_n(model.parameter("fc1.weight").mask(), mask.size(), mask.data());
  mask[16] = 0;  // of unit 1, which stays
  model.parameter("fc1.weight").set_mask(mask);
  const Shrunk shrunk = shrink(model);
  REQUIRE(shrunk.lists.size() == 4);
  CHECK(shrunk.lists[0].before == 6);
  CHECK(shrunk.lists[0].after == 4);
  CHECK(shrunk.lists[1].after == 2);
  CHECK(shrunk.table() ==
        "conv1: 4 of 6 filters\nconv2: 2 of 5 filters\nfc1: 8 of 8 neurons\n"
        "fc2: 4 of 4 neurons\n");
  CHECK(model.parameter("conv1.weight").shape() == Shape{4, 3, 3, 3});
  CHECK(model.parameter("conv1.bias").shape() == Shape{4});
  CHECK(model.parameter("conv2.weight").shape() == Shape{2, 4, 3, 3});
  CHECK(model.parameter("conv2.weight").mask() == nullptr);  // it would remove nothing
  CHECK(model.parameter("fc1.weight").shape() == Shape{8, 32});
  REQUIRE(model.parameter("fc1.weight").mask());
  CHECK(model.parameter("fc1.weight").mask()[0] == 0);
  CHECK(model.parameter("fc1.weight").mask()[1] == 1);
  CHECK(model.parameter("fc1.weight").data()[1] == fc1[17]);
  CHECK(model.parameter("fc1.weight").data()[32] == fc1[80 + 16]);
  CHECK(model.buffers()[0].second.to_vector() ==
        std::vector<float>{mean[0], mean[2], mean[3], mean[5]});
  CHECK(layers::summary(model).layers[4].output == Shape{1, 2, 4, 4});
}

TEST_CASE("shrink: nothing silent, nothing changed") {
  for (const layers::Model& model : {unsettled(small_net()), residual_net()}) {
    remove_at_random(model, Weight, 0.2, 1);
    const auto before = everything(model);
    const std::string topology = layers::topology(model);
    CHECK_FALSE(shrink(model).changed());
    CHECK(everything(model) == before);
    CHECK(layers::topology(model) == topology);
  }
}

TEST_CASE("shrink: a unit that nobody reads leaves, and what it alone read") {
  const layers::Model model = unsettled(small_net());
  std::vector<std::uint8_t> mask(8 * 80, 1);
  for (int o = 0; o < 8; ++o) std::fill_n(mask.begin() + o * 80 + 32, 16, 0);  // channel 2
  model.parameter("fc1.weight").set_mask(mask);
  mask.assign(5 * 6 * 9, 1);
  for (int o = 0; o < 5; ++o)
    if (o != 2) std::fill_n(mask.begin() + (o * 6 + 4) * 9, 9, 0);  // channel 4 is read by 2 alone
  model.parameter("conv2.weight").set_mask(mask);
  const layers::Model small = expect_equal_when_shrunk(model);
  CHECK(small.parameter("conv2.weight").shape() == Shape{4, 5, 3, 3});
}

TEST_CASE("shrink: exact zeros count where there is no mask, and kept ones where there is") {
  const layers::Model model = unsettled(small_net());
  const auto zero = [&](const char* name, std::int64_t first, std::int64_t count) {
    std::fill_n(model.parameter(name).mutable_data() + first, count, 0.0f);
  };
  zero("bn1.weight", 2, 1), zero("bn1.bias", 2, 1);
  zero("conv2.weight", 54, 54), zero("conv2.bias", 1, 1);
  const layers::Model masked = model.clone();
  masked.parameter("bn1.weight").set_mask(std::vector<std::uint8_t>(6, 1));
  CHECK(units(shrink(model), true) == units(shrink(masked), true) - 1);
}

TEST_CASE("shrink: a residual block that is masked whole makes way for its shortcut") {
  for (const char* name : {"block1", "block2", "block3"}) {
    CAPTURE(name);
    const layers::Model model = residual_net();
    for (const Removable& layer : removable_layers(model))
      if (layer.name == name) remove_layer(model, layer);
    const layers::Model small = model.clone();
    const Shrunk shrunk = shrink(small);
    CHECK(shrunk.blocks == std::vector<std::string>{name});
    CHECK(small.graph().find(name) == layers::kInput);
    expect_same_outputs(small, model);
    CHECK(layers::summary(small).total.parameters == layers::summary(model).total.nonzero);
    CHECK_FALSE(shrink(small).changed());
  }
}

TEST_CASE("shrink: built-in networks, saved and loaded to the same bits") {
  const testing::TempDir dir;
  for (const char* name : {"lenet5", "vgg16", "resnet20"}) {
    CAPTURE(name);
    const layers::Model model = unsettled(layers::make_model(name, 10, 0));
    remove_at_random(model, Filter, 0.6, 7);
    const layers::Model small = expect_equal_when_shrunk(model);
    expect_no_silent_units(small, Filter);
    const std::string path = dir / "small.safetensors";
    layers::save(small, path);
    const layers::Model loaded = layers::load(path);
    CHECK(everything(loaded) == everything(small));
    const Tensor x = random_examples(3, 1, model.input_shape()).images;
    CHECK(evaluate(loaded, x).to_vector() == evaluate(small, x).to_vector());
  }
}

TEST_CASE("shrink: a parameter used twice keeps its units") {
  using namespace layers;
  Linear first(6, 6), second(6, 6);
  Model model(
      Sequential{{"a", first}, {"r", ReLU()}, {"b", second}, {"s", ReLU()}, {"c", Linear(6, 2)}},
      {6});
  dynamic_cast<Linear&>(model.find("b")).weight = dynamic_cast<Linear&>(model.find("a")).weight;
  model.update();
  remove_at_random(model, Neuron, 0.5, 1);
  CHECK_FALSE(shrink(model).changed());
}
