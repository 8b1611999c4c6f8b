// MobileNetV2 in its form for CIFAR: the first convolution and the second stage have stride 1.
#include "layers/layers.h"
#include "layers/models/image.h"

namespace espalier::layers {
namespace {

// Appends a convolution without bias, batch norm and, where asked, ReLU6, numbered on.
void add_convolution(Sequential& path, std::int64_t in, std::int64_t out, Conv2dOptions options,
                     bool activation = true) {
  options.bias = false;
  path.add(Conv2d(in, out, options)).add(BatchNorm(out));
  if (activation) path.add(ReLU6());
}

// An inverted residual: 1x1 to `expand` times as many channels, depthwise 3x3, 1x1 to few again.
// What it adds to is its input, where the shapes are alike.
Child inverted(std::string name, std::int64_t in, std::int64_t out, int stride, int expand) {
  const std::int64_t hidden = in * expand;
  Sequential path;
  if (expand != 1) add_convolution(path, in, hidden, {.kernel = 1});
  add_convolution(
      path, hidden, hidden,
      {.kernel = 3, .stride = stride, .padding = 1, .groups = static_cast<int>(hidden)});
  add_convolution(path, hidden, out, {.kernel = 1}, false);
  Sequential block{{"conv", std::move(path)}};
  if (stride != 1 || in != out) return {std::move(name), std::move(block)};
  return {std::move(name), Residual(std::move(block), {}, {.relu = false})};
}

}  // namespace

Model MobileNetV2(int classes, std::uint64_t seed, const Shape& input) {
  expect_images("mobilenetv2", input, 1);
  struct Stage {
    int expand, channels, blocks, stride;
  };
  Sequential net;
  std::int64_t channels = 32;
  int place = 3;
  add_convolution(net, input[0], channels, {.kernel = 3, .padding = 1});
  for (const Stage& stage :
       {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 1}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
        Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}})
    for (int block = 0; block < stage.blocks; ++block) {
      net.add(inverted(std::to_string(place++), channels, stage.channels,
                       block == 0 ? stage.stride : 1, stage.expand));
      channels = stage.channels;
    }
  add_convolution(net, channels, 1280, {.kernel = 1});
  net.add(GlobalAvgPool()).add(Flatten()).add(Linear(1280, classes));
  return Model(std::move(net), input, seed, "mobilenetv2");
}

}  // namespace espalier::layers
