// DenseNet-BC (Huang et al., 2017) for CIFAR, with 40 layers: three blocks of six bottlenecks, each
// of which gives 12 channels beside those that it takes.
#include "layers/layers.h"
#include "layers/models/image.h"

namespace espalier::layers {

Model DenseNet(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("densenet", input, 4);
  constexpr std::int64_t kGrowth = 12, kBottleneck = 4 * kGrowth;
  constexpr int kBlocks = 3, kLayers = 6;
  Graph graph;
  std::int64_t channels = 2 * kGrowth;
  Value x =
      graph.add("features.conv0",
                Conv2d(input[0], channels, {.kernel = 3, .padding = 1, .bias = false}), kInput);
  for (int block = 1; block <= kBlocks; ++block) {
    for (int i = 1; i <= kLayers; ++i) {
      const std::string path =
          "features.denseblock" + std::to_string(block) + ".denselayer" + std::to_string(i);
      const Sequential layer{
          {"norm1", BatchNorm(channels)},
          {"relu1", ReLU()},
          {"conv1", Conv2d(channels, kBottleneck, {.kernel = 1, .bias = false})},
          {"norm2", BatchNorm(kBottleneck)},
          {"relu2", ReLU()},
          {"conv2", Conv2d(kBottleneck, kGrowth, {.kernel = 3, .padding = 1, .bias = false})}};
      x = graph.add(path, Concat(), {x, graph.add(path, layer, x)});
      channels += kGrowth;
    }
    if (block == kBlocks) break;
    const Sequential transition{
        {"norm", BatchNorm(channels)},
        {"relu", ReLU()},
        {"conv", Conv2d(channels, channels / 2, {.kernel = 1, .bias = false})},
        {"pool", AvgPool2d()}};
    x = graph.add("features.transition" + std::to_string(block), transition, x);
    channels /= 2;
  }
  const Sequential head{{"features", Sequential{{"norm5", BatchNorm(channels)}}},
                        {"relu", ReLU()},
                        {"pool", GlobalAvgPool()},
                        {"flatten", Flatten()},
                        {"classifier", Linear(channels, classes)}};
  graph.add("", head, x);
  return Model(std::move(graph), input, seed, "densenet");
}

}  // namespace espalier::layers
