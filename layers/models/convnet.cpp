// ConvNet: two convolutions and two linear layers, the network of the first lessons.
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

}  // namespace espalier::layers
