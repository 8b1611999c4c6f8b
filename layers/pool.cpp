// Pooling layers: options, shapes, and the calls of the operations.
#include "layers/pool.h"

#include <algorithm>

#include "core/error.h"

namespace espalier::layers {
namespace {

void expect_images(const Module& layer, const Shape& input) {
  if (input.rank() != 4 || input[2] < 1 || input[3] < 1) [[unlikely]]
    fail(layer.label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
}

}  // namespace

Pool2d::Pool2d(const PoolOptions& given) : options(given) {
  if (options.stride == Pair(0)) options.stride = options.kernel;
  const auto& [kernel, stride, padding, ceil_mode, count_include_pad] = options;
  const auto& [top, left, bottom, right] = padding;
  check(std::min({kernel.y, kernel.x, stride.y, stride.x}) > 0 &&
            std::min({top, left, bottom, right}) >= 0 && std::max(top, bottom) < kernel.y &&
            std::max(left, right) < kernel.x,
        "pooling: found kernel ", kernel.y, "x", kernel.x, ", stride ", stride.y, "x", stride.x,
        ", padding ", top, ", ", left, ", ", bottom, " and ", right,
        ", expected a positive kernel and stride and a padding of less than the kernel");
}

Pool2d::Pool2d(const Config& config)
    : Pool2d(PoolOptions{.kernel = config.pair("kernel", 1, kMaxKernel),
                         .stride = config.pair("stride", 1, kMaxKernel),
                         .padding = config.sides("padding", 0, kMaxKernel),
                         .ceil_mode = config.has("ceil_mode") && config.flag("ceil_mode"),
                         .count_include_pad = !config.has("count_include_pad") ||
                                              config.flag("count_include_pad")}) {}

Config Pool2d::config() const {
  Config config;
  config.set_pair("kernel", options.kernel)
      .set_pair("stride", options.stride)
      .set_sides("padding", options.padding);
  if (options.ceil_mode) config.set("ceil_mode", true);
  if (!options.count_include_pad) config.set("count_include_pad", false);
  return config;
}

Shape Pool2d::output_shape(const Shape& input) const {
  expect_images(*this, input);
  const auto& [top, left, bottom, right] = options.padding;
  const std::int64_t height = input[2] + top + bottom, width = input[3] + left + right;
  if (height < options.kernel.y || width < options.kernel.x) [[unlikely]]
    fail(label(), ": found an image of ", input[2], "x", input[3], ", with its padding ", height,
         "x", width, ", expected at least the window's ", options.kernel.y, "x", options.kernel.x);
  return pooled_shape(input, options);
}

Tensor MaxPool2d::forward(const Tensor& x) {
  output_shape(x.shape());  // an error names this layer
  return max_pool2d(x, options);
}

Tensor AvgPool2d::forward(const Tensor& x) {
  output_shape(x.shape());
  return avg_pool2d(x, options);
}

Channels AvgPool2d::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels out = walk.passed(*this, in);
  if (options.padding != Sides(0) && options.count_include_pad)
    walk.vary(out, "is averaged with the padding of " + label());
  return out;
}

Shape GlobalAvgPool::output_shape(const Shape& input) const {
  expect_images(*this, input);
  return {input[0], input[1], 1, 1};
}

Tensor GlobalAvgPool::forward(const Tensor& x) {
  output_shape(x.shape());
  return global_avg_pool(x);
}

}  // namespace espalier::layers
