// LeNet-300-100 and LeNet-5: the networks on which pruning is measured since LeCun, 1990.
#include "layers/layers.h"
#include "layers/models/image.h"

namespace espalier::layers {

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

}  // namespace espalier::layers
