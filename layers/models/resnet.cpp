// ResNets: for CIFAR with 6 n + 2 layers, of which ResNet-20 (n = 3) and ResNet-56 (n = 9); and
// ResNet-18.
#include <algorithm>

#include "layers/layers.h"
#include "layers/models/image.h"

namespace espalier::layers {
namespace {

Residual block(std::int64_t in, std::int64_t out, int stride) {
  Sequential main{
      {"conv1", Conv2d(in, out, {.kernel = 3, .stride = stride, .padding = 1, .bias = false})},
      {"bn1", BatchNorm(out)},
      {"relu1", ReLU()},
      {"conv2", Conv2d(out, out, {.kernel = 3, .padding = 1, .bias = false})},
      {"bn2", BatchNorm(out)},
  };
  Sequential shortcut;
  if (stride != 1 || in != out)
    shortcut.add(Conv2d(in, out, {.kernel = 1, .stride = stride, .bias = false}))
        .add(BatchNorm(out));
  return Residual(std::move(main), std::move(shortcut));
}

Sequential stage(int blocks, std::int64_t in, std::int64_t out, int stride) {
  Sequential stage;
  for (int i = 0; i < blocks; ++i) stage.add(i == 0 ? block(in, out, stride) : block(out, out, 1));
  return stage;
}

Model resnet(int n, int classes, std::uint64_t seed, const Shape& input, const char* name) {
  expect_images(name, input, 1);
  Sequential net{
      {"conv1", Conv2d(input[0], 16, {.kernel = 3, .padding = 1, .bias = false})},
      {"bn1", BatchNorm(16)},
      {"relu", ReLU()},
      {"layer1", stage(n, 16, 16, 1)},
      {"layer2", stage(n, 16, 32, 2)},
      {"layer3", stage(n, 32, 64, 2)},
      {"pool", GlobalAvgPool()},
      {"flatten", Flatten()},
      {"fc", Linear(64, classes)},
  };
  return Model(std::move(net), input, seed, name);
}

}  // namespace

Model ResNet20(int classes, std::uint64_t seed, const Shape& input) {
  return resnet(3, classes, seed, input, "resnet20");
}
Model ResNet18(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("resnet18", input, 1);
  constexpr std::int64_t kLargeImage = 64;  // pixels a side from which the stem takes fewer of them
  Sequential net;
  if (std::min(input[1], input[2]) < kLargeImage) {
    net.add("conv1", Conv2d(input[0], 64, {.kernel = 3, .padding = 1, .bias = false}));
    net.add("bn1", BatchNorm(64)).add("relu", ReLU());
  } else {
    net.add("conv1", Conv2d(input[0], 64, {.kernel = 7, .stride = 2, .padding = 3, .bias = false}));
    net.add("bn1", BatchNorm(64)).add("relu", ReLU());
    net.add("maxpool", MaxPool2d({.kernel = 3, .stride = 2, .padding = 1}));
  }
  net.add("layer1", stage(2, 64, 64, 1)).add("layer2", stage(2, 64, 128, 2));
  net.add("layer3", stage(2, 128, 256, 2)).add("layer4", stage(2, 256, 512, 2));
  net.add("avgpool", GlobalAvgPool()).add("flatten", Flatten()).add("fc", Linear(512, classes));
  return Model(std::move(net), input, seed, "resnet18");
}

Model ResNet56(int classes, std::uint64_t seed, const Shape& input) {
  return resnet(9, classes, seed, input, "resnet56");
}

}  // namespace espalier::layers
