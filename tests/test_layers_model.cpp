// Models: names, parameters, clones, replacing layers, a model and a layer of one's
// own.
#include <doctest/doctest.h>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "layers/layers.h"

using namespace espalier;
using namespace espalier::layers;

namespace {

std::vector<std::string> names(const Model& model) {
  std::vector<std::string> all;
  for (const Parameter& p : model.parameters()) all.push_back(p.name());
  return all;
}

// A model of one's own in ten lines.
Model two_layers(int classes, std::uint64_t seed = 0) {
  Sequential net{{"flatten", Flatten()},
                 {"fc1", Linear(12, 7)},
                 {"relu", ReLU()},
                 {"fc2", Linear(7, classes, {.bias = false})}};
  return Model(std::move(net), {3, 2, 2}, seed, "two-layers");
}

// A layer of one's own: y = s x with one learned number.
struct Scale : Module {
  Parameter s{Tensor::full({1}, 2)};
  std::string type() const override { return "Scale"; }
  Tensor forward(const Tensor& x) override { return x * s; }
  Shape output_shape(const Shape& input) const override { return input; }
  void state(StateVisitor& visitor) override { visitor.parameter("s", s, {1}); }
  std::shared_ptr<Module> copy() const override { return std::make_shared<Scale>(*this); }
};

}  // namespace

TEST_CASE("model: parameters carry their dotted path, children may go without names") {
  CHECK(names(two_layers(4)) == std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight"});
  Sequential numbered;
  numbered.add(Linear(3, 4)).add(ReLU()).add(Sequential{{"last", Linear(4, 2)}});
  const Model model(std::move(numbered), {3});
  CHECK(names(model) ==
        std::vector<std::string>{"0.weight", "0.bias", "2.last.weight", "2.last.bias"});
  CHECK(model.find("2.last").type() == "Linear");
  CHECK(model.parameter("0.bias").shape() == Shape{4});
  CHECK_THROWS_WITH_AS(model.parameter("1.bias"), "model: found no parameter named 1.bias", Error);
  CHECK_THROWS_WITH_AS(model.find("3"), "model: found no layer named 3", Error);
}

TEST_CASE("model: a model knows its input, its outputs and its name") {
  const Model model = two_layers(4);
  CHECK(model.name() == "two-layers");
  CHECK(model.input_shape() == Shape{3, 2, 2});
  CHECK(model.batch_shape(8) == Shape{8, 3, 2, 2});
  CHECK(model.outputs() == 4);
  CHECK_FALSE(Model().defined());
  CHECK_THROWS_WITH_AS(Model().parameters(), "model: found an empty handle, expected a network",
                       Error);
  CHECK_THROWS_WITH_AS(Model(ReLU(), Shape{3, 4}),
                       "model: found inputs of shape [3, 4], expected [C, H, W] or [F]", Error);
}

TEST_CASE("model: unfit and repeated names, and a module in two places, are refused") {
  const auto build = [](std::vector<Child> children) {
    return Model(Sequential(std::move(children)), {4});
  };
  CHECK_THROWS_AS(build({{"a.b", ReLU()}}), Error);
  CHECK_THROWS_AS(build({{"a/b", ReLU()}}), Error);
  CHECK_THROWS_AS(build({{std::string(65, 'a'), ReLU()}}), Error);
  CHECK_THROWS_WITH_AS(build({{"a", ReLU()}, {"a", ReLU()}}),
                       "layer a: found the name twice, expected different ones", Error);
  const auto shared = std::make_shared<Linear>(4, 4);
  CHECK_THROWS_AS(build({{"a", shared}, {"b", shared}}), Error);
  CHECK_THROWS_AS(Child("a", std::shared_ptr<Module>()), Error);
  // What is in the main path counts as the block's own, beside its ReLU.
  const Residual clash(Sequential{{"relu", Linear(4, 4)}});
  CHECK_THROWS_AS(Model(clash, {4}), Error);
}

TEST_CASE("model: layers that do not fit each other are refused when the model is made") {
  CHECK_THROWS_WITH_AS(Model(Sequential{{"a", Linear(4, 5)}, {"b", Linear(6, 2)}}, {4}),
                       "b: found 5 input features, expected 6", Error);
}

TEST_CASE("model: train and eval reach every module") {
  const Model model = ResNet20();
  const auto all = [&](bool training) {
    return std::all_of(model.nodes().begin(), model.nodes().end(), [&](const layers::Node& node) {
      return node.layer->training() == training;
    });
  };
  CHECK(all(true));
  model.eval();
  CHECK(all(false));
  CHECK_FALSE(model.training());
  CHECK_FALSE(model.clone().training());
  model.train();
  CHECK(all(true));
}

TEST_CASE("model: a clone has the same content and shares nothing") {
  const Model model(Sequential{{"fc", Linear(3, 2)}, {"bn", BatchNorm(2)}}, {3}, 5);
  Parameter weight = model.parameter("fc.weight");
  const std::vector<std::uint8_t> mask{1, 0, 1, 1, 1, 0};
  weight.set_mask(mask);
  weight.state("momentum").mutable_data()[0] = 7;
  auto& bn = dynamic_cast<BatchNorm&>(model.find("bn"));
  bn.num_batches_tracked = 3;

  const Model copy = model.clone();
  Parameter own = copy.parameter("fc.weight");
  CHECK(own.to_vector() == weight.to_vector());
  REQUIRE(own.mask());
  CHECK(std::vector<std::uint8_t>(own.mask(), own.mask() + 6) == mask);
  CHECK(own.state("momentum").data()[0] == 7);
  CHECK(own.requires_grad());
  CHECK(dynamic_cast<BatchNorm&>(copy.find("bn")).num_batches_tracked == 3);

  const std::vector<float> before = weight.to_vector();
  const Tensor x = Tensor::full({4, 3}, 1);
  copy(x);  // moves the copy's running statistics
  own.copy_from(Tensor::full({2, 3}, 9));
  own.clear_mask();
  own.state("momentum").mutable_data()[0] = 1;
  CHECK(weight.to_vector() == before);
  CHECK(weight.mask());
  CHECK(weight.state("momentum").data()[0] == 7);
  CHECK(bn.running_mean.to_vector() == std::vector<float>{0, 0});
  CHECK(bn.num_batches_tracked == 3);
}

TEST_CASE("model: a layer can be replaced, and what does not fit is refused") {
  const Model model = two_layers(4);
  const Model same_network = model;
  auto narrow = std::make_shared<Linear>(12, 7, LinearOptions{.bias = false});
  narrow->weight = Parameter(Tensor::zeros({7, 12}));
  model.replace("fc1", narrow);
  CHECK(names(same_network) == std::vector<std::string>{"fc1.weight", "fc2.weight"});
  CHECK(&model.find("fc1") == narrow.get());
  model.replace("relu", std::make_shared<Identity>());
  CHECK(model(Tensor::zeros({1, 3, 2, 2})).shape() == Shape{1, 4});
  CHECK_THROWS_WITH_AS(model.replace("fc1", std::make_shared<Linear>(12, 6)),
                       "fc2: found 6 input features, expected 7", Error);
  CHECK_THROWS_AS(model.replace("nothing", std::make_shared<Identity>()), Error);
}

TEST_CASE("model: a layer of one's own trains, clones and keeps its first values") {
  const Model model(Sequential{{"fc", Linear(3, 2)}, {"scale", Scale()}}, {3});
  CHECK(names(model) == std::vector<std::string>{"fc.weight", "fc.bias", "scale.s"});
  CHECK(model.parameter("scale.s").item() == 2);
  const Model copy = model.clone();
  copy.parameter("scale.s").copy_from(Tensor::full({1}, 3));
  CHECK(model.parameter("scale.s").item() == 2);
  const Tensor x = Tensor::full({1, 3}, 1);
  CHECK(copy(x).to_vector()[0] == doctest::Approx(1.5f * model(x).to_vector()[0]));
}
