// VGG-16 in the form for CIFAR, with batch norm.
#include "layers/layers.h"
#include "layers/models/image.h"

namespace espalier::layers {

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

}  // namespace espalier::layers
