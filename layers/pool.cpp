// Pooling layers: options, shapes, and the calls of the operations.
#include "layers/pool.h"

#include "core/error.h"

namespace espalier::layers {
namespace {

void expect_images(const Module& layer, const Shape& input) {
  if (input.rank() != 4 || input[2] < 1 || input[3] < 1) [[unlikely]]
    fail(layer.label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
}

}  // namespace

Pool2d::Pool2d(const PoolOptions& given) : options(given) {
  if (options.stride == 0) options.stride = options.kernel;
  check(options.kernel > 0 && options.stride > 0 && options.padding >= 0 &&
            options.padding <= options.kernel / 2,
        "pooling: found kernel ", options.kernel, ", stride ", options.stride, ", padding ",
        options.padding,
        ", expected a positive kernel and stride and a padding of at most half the kernel");
}

Pool2d::Pool2d(const Config& config)
    : Pool2d(PoolOptions{.kernel = static_cast<int>(config.integer("kernel", 1, kMaxKernel)),
                         .stride = static_cast<int>(config.integer("stride", 1, kMaxKernel)),
                         .padding = static_cast<int>(config.integer("padding", 0, kMaxKernel))}) {}

Config Pool2d::config() const {
  return Config()
      .set("kernel", options.kernel)
      .set("stride", options.stride)
      .set("padding", options.padding);
}

Shape Pool2d::output_shape(const Shape& input) const {
  expect_images(*this, input);
  const std::int64_t height = input[2] + 2 * options.padding - options.kernel;
  const std::int64_t width = input[3] + 2 * options.padding - options.kernel;
  if (height < 0 || width < 0) [[unlikely]]
    fail(label(), ": found an image of ", input[2], "x", input[3], " with padding ",
         options.padding, ", expected at least the window's ", options.kernel, "x", options.kernel);
  return {input[0], input[1], height / options.stride + 1, width / options.stride + 1};
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
  if (options.padding > 0) walk.vary(out, "is averaged with the padding of " + label());
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
