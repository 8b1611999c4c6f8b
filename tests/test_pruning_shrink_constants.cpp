// Shrinking: what is left of a unit that says a constant.
#include <functional>

#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

// Masks a unit's row of a layer's weight, or the scale of a batch norm; the bias or shift stays.
void silence(const Model& model, const std::string& parameter, std::int64_t unit) {
  Parameter p = model.parameter(parameter);
  const std::int64_t each = p.numel() / p.size(0);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(p.numel()), 1);
  if (p.mask()) std::copy_n(p.mask(), mask.size(), mask.data());
  std::fill_n(mask.begin() + unit * each, each, 0);
  p.set_mask(mask);
}

const Shrunk::List& list_named(const Shrunk& shrunk, const std::string& name) {
  for (const auto& list : shrunk.lists)
    if (list.name == name) return list;
  FAIL("no list named ", name);
  return shrunk.lists.front();
}

// Shrinks, and expects one unit fewer in this group, one constant folded, the same outputs.
void expect_folded(const Model& model, const std::string& group) {
  const Model masked = model.clone();
  const Shrunk shrunk = shrink(model);
  const auto& list = list_named(shrunk, group);
  CHECK(list.after == list.before - 1);
  CHECK(list.folded == 1);
  CHECK(list.stayed.empty());
  expect_same_outputs(model, masked);
  CHECK_FALSE(shrink(model).changed());
}

void expect_kept(const Model& model, const std::string& group, const std::string& why) {
  const auto before = everything(model);
  const Shrunk shrunk = shrink(model);
  const auto& list = list_named(shrunk, group);
  CHECK(list.folded == 0);
  REQUIRE(list.stayed.size() == 1);
  CHECK(list.stayed[0].why == why);
  CHECK(list.stayed[0].units == 1);
  CHECK_FALSE(shrunk.changed());
  CHECK(everything(model) == before);
}

Model chain(const Conv2dOptions& second, bool norm_after = false) {
  Sequential net{{"conv1", Conv2d(3, 4, {.padding = 1})},
                 {"relu1", LeakyReLU(0.3f)},
                 {"pool1", MaxPool2d({.kernel = 3, .stride = 2, .padding = 1})},
                 {"conv2", Conv2d(4, 5, second)}};
  if (norm_after) net.add("bn2", BatchNorm(5));
  net.add("relu2", ReLU()).add("pool", GlobalAvgPool()).add("flatten", Flatten());
  net.add("fc", Linear(5, 3));
  return unsettled(Model(std::move(net), {3, 9, 7}, 4));
}

}  // namespace

TEST_CASE("constants: behind linear layers, every activation, pooling and flatten") {
  const std::vector<std::function<void(Sequential&)>> between = {
      [](Sequential& s) { s.add("a", ReLU()); },
      [](Sequential& s) { s.add("a", GELU()); },
      [](Sequential& s) { s.add("a", LeakyReLU(0.5f)).add("p", MaxPool2d()); },
      [](Sequential& s) { s.add("p", AvgPool2d()).add("a", ReLU()); },
      [](Sequential& s) { s.add("a", GELU()).add("p", GlobalAvgPool()); },
      [](Sequential&) {}};
  for (const auto& add : between)
    for (const bool bias : {true, false}) {
      Sequential net{{"conv", Conv2d(2, 5, {.stride = 2, .padding = 1})}};
      add(net);
      net.add("flatten", Flatten());
      const std::int64_t features = Model(net, {2, 8, 12}).outputs();
      net.add("fc", Linear(features, 3, {.bias = bias}));
      const Model model = unsettled(Model(std::move(net), {2, 8, 12}, 2));
      model.parameter("conv.bias").mutable_data()[3] = 0.25f;
      silence(model, "conv.weight", 3);
      expect_folded(model, "conv");
      CHECK(dynamic_cast<Linear&>(model.find("fc")).options.bias);
      CHECK(model.parameter("fc.bias").shape() == Shape{3});
    }
}

TEST_CASE("constants: a batch norm's shift, when its scale is gone") {
  const Model model = unsettled(Model(Sequential{{"conv1", Conv2d(2, 4)},
                                                 {"bn1", BatchNorm(4)},
                                                 {"relu", ReLU()},
                                                 {"flatten", Flatten()},
                                                 {"fc1", Linear(4 * 16, 6, {.bias = false})},
                                                 {"bn2", BatchNorm(6)},
                                                 {"gelu", GELU()},
                                                 {"fc2", Linear(6, 3)}},
                                      {2, 6, 6}, 3));
  model.parameter("bn1.bias").mutable_data()[2] = 0.4f;
  silence(model, "bn1.weight", 2);
  expect_folded(model, "conv1");
  CHECK_FALSE(dynamic_cast<Linear&>(model.find("fc1")).options.bias);  // into the running mean
  silence(model, "bn2.weight", 1);
  expect_folded(model, "fc1");
  CHECK(model.find("bn2").output_shape({1, 5}) == Shape{1, 5});
}

TEST_CASE("constants: weights without a scale that is gone too stay before a batch norm") {
  const Model model = residual_net();
  silence(model, "block1.conv1.weight", 1);
  expect_kept(model, "block1.conv1", "goes into block1.bn1, whose scale is not gone");
}

TEST_CASE("constants: convolutions without padding take them, others do not") {
  for (const bool norm : {false, true})
    for (const bool bias : {false, true}) {
      const Model model = chain({.stride = 2, .bias = bias}, norm);
      model.parameter("conv1.bias").mutable_data()[1] = -0.5f;
      silence(model, "conv1.weight", 1);
      expect_folded(model, "conv1");
      CHECK(dynamic_cast<Conv2d&>(model.find("conv2")).options.bias == (bias || !norm));
    }
  const Model padded = chain({.padding = 1});
  silence(padded, "conv1.weight", 1);
  expect_kept(padded, "conv1", "is read by conv2, a convolution with padding");
  // Weights that cancel each other do so inside, not at the border.
  Parameter weight = padded.parameter("conv2.weight");
  for (int o = 0; o < 5; ++o)
    for (int k = 0; k < 9; ++k)
      weight.mutable_data()[(o * 4 + 1) * 9 + k] = static_cast<float>(k - 4);
  expect_kept(padded, "conv1", "is read by conv2, a convolution with padding");
}

TEST_CASE("constants: negative ones end in a ReLU, and padding does not matter") {
  const Model model = small_net();
  model.parameter("conv2.bias").mutable_data()[1] = -0.5f;
  model.parameter("bn1.bias").mutable_data()[4] = -0.5f;
  silence(model, "conv2.weight", 1);
  silence(model, "bn1.weight", 4);
  const Model masked = model.clone();
  const Shrunk shrunk = shrink(model);
  CHECK(list_named(shrunk, "conv1").after == 5);
  CHECK(list_named(shrunk, "conv2").after == 4);
  CHECK(list_named(shrunk, "conv2").folded == 0);
  expect_same_outputs(model, masked);
}

TEST_CASE("constants: a residual add keeps what only one path says") {
  const Model model = residual_net();
  model.parameter("block3.bn2.bias").mutable_data()[2] = 0.5f;
  silence(model, "block3.bn2.weight", 2);
  expect_kept(model, "block2.conv2", "is added to what is no constant in block3");
  // All three that make the channel say constants: their sum is one, but block3 pads it.
  for (const char* name : {"block2.bn2", "block2.shortcut.1"}) {
    model.parameter(name + std::string(".bias")).mutable_data()[2] = 0.25f;
    silence(model, name + std::string(".weight"), 2);
  }
  expect_kept(model, "block2.conv2", "is read by block3.conv1, a convolution with padding");
  for (const char* name : {"block2.bn2.bias", "block2.shortcut.1.bias"})
    model.parameter(name).mutable_data()[2] = -0.25f;
  expect_folded(model, "block2.conv2");  // block3 reads zero, fc a half
}

TEST_CASE("constants: dropout, padded averages and unknown layers keep them") {
  const auto net = [](auto layer) {
    Sequential net{{"conv", Conv2d(2, 3)}};
    net.add("layer", std::move(layer)).add("flatten", Flatten());
    const std::int64_t features = Model(net, {2, 6, 6}).outputs();
    net.add("fc", Linear(features, 2));
    Model model = unsettled(Model(std::move(net), {2, 6, 6}, 2));
    silence(model, "conv.weight", 1);
    return model;
  };
  expect_kept(net(Dropout(0.5f)), "conv", "goes through layer, a dropout");
  expect_kept(net(AvgPool2d({.kernel = 2, .padding = 1})), "conv",
              "is averaged with the padding of layer");
  class Unknown : public Module {
   public:
    std::string type() const override { return "Unknown"; }
    Tensor forward(const Tensor& x) override { return x; }
    Shape output_shape(const Shape& input) const override { return input; }
    std::shared_ptr<Module> copy() const override { return std::make_shared<Unknown>(*this); }
  };
  expect_kept(net(Unknown()), "conv", "cannot go: next to layer, a Unknown");
}

TEST_CASE("constants: a bias that is removed takes none, the last unit of a group stays") {
  Sequential net{{"fc1", Linear(4, 3)}, {"relu", LeakyReLU()}, {"fc2", Linear(3, 2)}};
  const Model model = unsettled(Model(net, {4}, 1));
  silence(model, "fc1.weight", 0);
  silence(model, "fc2.bias", 1);
  expect_kept(model, "fc1", "is read by fc2, whose bias is removed");
  model.parameter("fc2.bias").clear_mask();
  silence(model, "fc1.weight", 1);
  silence(model, "fc1.weight", 2);
  const Model masked = model.clone();
  const Shrunk shrunk = shrink(model);
  CHECK(list_named(shrunk, "fc1").after == 1);
  CHECK(list_named(shrunk, "fc1").folded == 2);
  CHECK(list_named(shrunk, "fc1").stayed[0].why == "is the last one");
  expect_same_outputs(model, masked);
}
