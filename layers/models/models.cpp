// Models: the list of them by name, and those that are a plain chain of layers.
#include "layers/models/models.h"

#include "core/error.h"
#include "layers/layers.h"
#include "layers/models/image.h"

namespace espalier::layers {

Model ConvNet(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("convnet", input, 4);
  const std::int64_t features = 64 * (input[1] / 4) * (input[2] / 4);  // 4096 at 32x32
  const Conv2dOptions same{.kernel = 3, .padding = 1};
  Sequential net{
      {"conv1", Conv2d(input[0], 32, same)},
      {"relu1", ReLU()},
      {"pool1", MaxPool2d()},
      {"conv2", Conv2d(32, 64, same)},
      {"relu2", ReLU()},
      {"pool2", MaxPool2d()},
      {"flatten", Flatten()},
      {"fc1", Linear(features, 512)},
      {"relu3", ReLU()},
      {"fc2", Linear(512, classes)},
  };
  return Model(std::move(net), input, seed, "convnet");
}

Model LeNet300(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("lenet300", input, 1);
  Sequential net{
      {"flatten", Flatten()}, {"fc1", Linear(input.numel(), 300)},
      {"relu1", ReLU()},      {"fc2", Linear(300, 100)},
      {"relu2", ReLU()},      {"fc3", Linear(100, classes)},
  };
  return Model(std::move(net), input, seed, "lenet300");
}

Model LeNet5(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("lenet5", input, 16);
  // 5x5 without padding takes 4 pixels off each side, pooling halves: 28, 24, 12, 8, 4.
  const std::int64_t height = ((input[1] - 4) / 2 - 4) / 2, width = ((input[2] - 4) / 2 - 4) / 2;
  Sequential net{
      {"conv1", Conv2d(input[0], 20, {.kernel = 5})},
      {"pool1", MaxPool2d()},
      {"conv2", Conv2d(20, 50, {.kernel = 5})},
      {"pool2", MaxPool2d()},
      {"flatten", Flatten()},
      {"fc1", Linear(50 * height * width, 500)},
      {"relu", ReLU()},
      {"fc2", Linear(500, classes)},
  };
  return Model(std::move(net), input, seed, "lenet5");
}

Model Vgg16(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("vgg16", input, 32);
  constexpr int kPool = 0;
  Sequential features;  // numbered: each convolution takes three places, each pooling one
  std::int64_t channels = input[0];
  for (const int out : {64, 64, kPool, 128, 128, kPool, 256, 256, 256, kPool, 512, 512, 512, kPool,
                        512, 512, 512, kPool}) {
    if (out == kPool) {
      features.add(MaxPool2d());
      continue;
    }
    features.add(Conv2d(channels, out, {.kernel = 3, .padding = 1}));
    features.add(BatchNorm(out)).add(ReLU());
    channels = out;
  }
  const std::int64_t pixels = (input[1] / 32) * (input[2] / 32);  // one at 32x32
  Sequential net{{"features", std::move(features)},
                 {"flatten", Flatten()},
                 {"classifier", Linear(channels * pixels, classes)}};
  return Model(std::move(net), input, seed, "vgg16");
}

const std::vector<ModelChoice>& model_choices() {
  static const std::vector<ModelChoice> choices = {
      {"convnet", ConvNet, {3, 32, 32}},   {"lenet300", LeNet300, {1, 28, 28}},
      {"lenet5", LeNet5, {1, 28, 28}},     {"vgg16", Vgg16, {3, 32, 32}},
      {"resnet20", ResNet20, {3, 32, 32}}, {"resnet56", ResNet56, {3, 32, 32}},
      {"resnet18", ResNet18, {3, 32, 32}}, {"mobilenetv2", MobileNetV2, {3, 32, 32}},
      {"densenet", DenseNet, {3, 32, 32}},
  };
  return choices;
}

const ModelChoice& model_choice(const std::string& name) {
  std::string known;
  for (const ModelChoice& choice : model_choices()) {
    if (name == choice.name) return choice;
    known += (known.empty() ? "" : ", ") + std::string(choice.name);
  }
  fail("model: found '", name, "', expected one of ", known);
}

Model make_model(const std::string& name, int classes, std::uint64_t seed) {
  const ModelChoice& choice = model_choice(name);
  return choice.make(classes, seed, choice.input);
}

Model make_model(const std::string& name, int classes, std::uint64_t seed, const Shape& input) {
  return model_choice(name).make(classes, seed, input);
}

}  // namespace espalier::layers
