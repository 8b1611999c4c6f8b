// The built-in models: parameters and arithmetic exactly as published, names as PyTorch has them.
#include <doctest/doctest.h>

#include "core/error.h"
#include "layers/layers.h"

using namespace espalier;
using namespace espalier::layers;

namespace {

struct Names : StateVisitor {
  void parameter(const std::string& name, Parameter&, const Shape&) override { add(name); }
  void buffer(const std::string& name, Tensor&, const Shape&) override { add(name); }
  void counter(const std::string& name, std::int64_t&) override { add(name); }
  void add(const std::string& name) { all.push_back(name); }
  std::vector<std::string> all;
};

std::vector<std::string> state_dict(const Model& model) {
  Names names;
  visit_state(model, names);
  return names.all;
}

void add_layer(std::vector<std::string>& names, const std::string& layer) {
  names.insert(names.end(), {layer + ".weight", layer + ".bias"});
}
void add_norm(std::vector<std::string>& names, const std::string& layer) {
  for (const char* part : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
    names.push_back(layer + "." + part);
}

// The state_dict of the PyTorch networks on CIFAR-10 with `blocks` blocks a stage.
std::vector<std::string> resnet_names(int blocks) {
  std::vector<std::string> names{"conv1.weight"};
  add_norm(names, "bn1");
  for (int stage = 1; stage <= 3; ++stage)
    for (int block = 0; block < blocks; ++block) {
      const std::string path = "layer" + std::to_string(stage) + "." + std::to_string(block) + ".";
      names.push_back(path + "conv1.weight");
      add_norm(names, path + "bn1");
      names.push_back(path + "conv2.weight");
      add_norm(names, path + "bn2");
      if (stage == 1 || block > 0) continue;
      names.push_back(path + "shortcut.0.weight");
      add_norm(names, path + "shortcut.1");
    }
  add_layer(names, "fc");
  return names;
}

const LayerSummary& row(const Summary& summary, const std::string& name) {
  for (const LayerSummary& layer : summary.layers)
    if (layer.name == name) return layer;
  FAIL("no row " << name);
  return summary.total;
}

}  // namespace

TEST_CASE("models: parameters and multiply-adds are those of the literature") {
  const Summary resnet20 = summary(ResNet20());
  CHECK(resnet20.total.macs.dense == 40'813'184);
  CHECK(resnet20.total.weights == 270'896);
  const Summary resnet56 = summary(ResNet56());
  CHECK(resnet56.total.macs.dense == 125'747'840);
  CHECK(resnet56.total.weights == 851'504);
  CHECK(summary(LeNet300()).total.parameters == 266'610);
  CHECK(summary(LeNet5()).total.parameters == 431'080);
  // torchvision's vgg16_bn features (14,714,688 weights and biases, 8,448 norm parameters) and
  // 5,130.
  CHECK(summary(Vgg16()).total.parameters == 14'714'688 + 8'448 + 5'130);
  CHECK(summary(Vgg16()).total.macs.dense == 313'196'544 + 5'120);
  CHECK(summary(ResNet18()).total.parameters == 11'173'962);
  CHECK(summary(ResNet18()).total.macs.dense == 555'422'720);
  const Model large = ResNet18(1000, 0, {3, 224, 224});  // torchvision's resnet18
  CHECK(summary(large).total.parameters == 11'689'512);
  CHECK(summary(large).total.macs.dense == 1'814'073'344);
  CHECK(summary(MobileNetV2()).total.parameters == 2'236'682);
  CHECK(summary(DenseNet()).total.parameters == 176'122);
  const Summary convnet = summary(ConvNet());
  CHECK(convnet.total.parameters == 896 + 18'496 + 2'097'664 + 5'130);
  CHECK(convnet.total.macs.dense == 884'736 + 4'718'592 + 2'097'152 + 5'120);
}

TEST_CASE("models: names are those of a PyTorch state_dict") {
  std::vector<std::string> expected;
  for (const char* layer : {"conv1", "conv2", "fc1", "fc2"}) add_layer(expected, layer);
  CHECK(state_dict(ConvNet()) == expected);
  CHECK(state_dict(LeNet5()) == expected);
  expected.clear();
  for (const char* layer : {"fc1", "fc2", "fc3"}) add_layer(expected, layer);
  CHECK(state_dict(LeNet300()) == expected);
  expected.clear();
  for (const int at : {0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40}) {
    add_layer(expected, "features." + std::to_string(at));
    add_norm(expected, "features." + std::to_string(at + 1));
  }
  add_layer(expected, "classifier");
  CHECK(state_dict(Vgg16()) == expected);
  CHECK(state_dict(ResNet20()) == resnet_names(3));
  CHECK(state_dict(ResNet56()) == resnet_names(9));
}

TEST_CASE("models: shapes of some parameters") {
  CHECK(ConvNet().parameter("fc1.weight").shape() == Shape{512, 4096});
  CHECK(LeNet5().parameter("fc1.weight").shape() == Shape{500, 800});
  CHECK(LeNet300().parameter("fc1.weight").shape() == Shape{300, 784});
  CHECK(Vgg16(100).parameter("classifier.weight").shape() == Shape{100, 512});
  const Model resnet = ResNet20();
  CHECK(resnet.parameter("layer2.0.conv1.weight").shape() == Shape{32, 16, 3, 3});
  CHECK(resnet.parameter("layer2.0.shortcut.0.weight").shape() == Shape{32, 16, 1, 1});
  CHECK(resnet.parameter("fc.weight").shape() == Shape{10, 64});
}

TEST_CASE("models: every one runs, by name, with other classes, channels and sizes") {
  for (const ModelChoice& choice : model_choices()) {
    CAPTURE(choice.name);
    const Model model = make_model(choice.name, 7, 1);
    CHECK(model.name() == choice.name);
    CHECK(model.input_shape() == choice.input);
    CHECK(model.outputs() == 7);
    model.eval();
    Rng rng(1);
    const Tensor y = model(Tensor::randn(model.batch_shape(2), rng));
    CHECK(y.shape() == Shape{2, 7});
    CHECK(make_model(choice.name, 3, 0, {2, 36, 33}).outputs() == 3);
  }
  CHECK_THROWS_WITH_AS(make_model("alexnet"),
                       "model: found 'alexnet', expected one of convnet, lenet300, lenet5, vgg16, "
                       "resnet20, resnet56, resnet18, mobilenetv2, densenet",
                       Error);
  CHECK_THROWS_WITH_AS(Vgg16(10, 0, {3, 28, 28}),
                       "vgg16: found images of 28x28, expected at least 32x32", Error);
  CHECK_THROWS_AS(ConvNet(10, 0, {784}), Error);
  CHECK_THROWS_AS(ConvNet(0), Error);
}

TEST_CASE("summary: a line a layer, with shapes, parameters, what is not zero, and arithmetic") {
  const Model model = ConvNet();
  Parameter weight = model.parameter("conv2.weight");
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(weight.numel()), 1);
  std::fill_n(mask.begin(), 9 * 32 * 16, std::uint8_t(0));  // 16 of 64 filters
  weight.set_mask(mask);
  const Summary all = summary(model);
  CHECK(all.layers.size() == 10);
  const LayerSummary& conv = row(all, "conv2");
  CHECK(conv.type == "Conv2d");
  CHECK(conv.input == Shape{1, 32, 16, 16});
  CHECK(conv.output == Shape{1, 64, 16, 16});
  CHECK(conv.parameters == 18'496);
  CHECK(conv.nonzero == 18'496 - 9 * 32 * 16);
  CHECK(conv.macs.dense == 4'718'592);
  CHECK(conv.macs.nonzero == 4'718'592 * 3 / 4);
  CHECK(row(all, "pool2").output == Shape{1, 64, 8, 8});
  CHECK(row(all, "pool2").parameters == 0);
  CHECK(all.total.nonzero == all.total.parameters - 9 * 32 * 16);
  CHECK(all.total.output == Shape{1, 10});
  const std::string table = all.table();
  CHECK(table.find("conv2") != std::string::npos);
  CHECK(table.find("2,122,186") != std::string::npos);
  CHECK_THROWS_WITH_AS(summary(model, {3, 28, 28}), "fc1: found 3136 input features, expected 4096",
                       Error);
}
