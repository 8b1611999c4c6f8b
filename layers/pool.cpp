// Pooling layers: options, shapes and channels.
#include "layers/pool.h"

#include "core/error.h"

namespace espalier::layers {
namespace {

// With an image that the window fits.
void check_options(const PoolOptions& options) {
  pooled_shape("pooling", {1, 1, options.kernel.y, options.kernel.x}, options);
}

}  // namespace

Pool2d::Pool2d(const PoolOptions& given) : options(given) {
  if (options.stride == Pair(0)) options.stride = options.kernel;
  check_options(options);
}

void Pool2d::describe(Options& all) {
  all.pair("kernel", options.kernel, 1, kMaxKernel);
  all.pair("stride", options.stride, 1, kMaxKernel);
  all.sides("padding", options.padding, 0, kMaxKernel);
  if (all.unusual("ceil_mode", options.ceil_mode, false)) all.flag("ceil_mode", options.ceil_mode);
  if (all.unusual("count_include_pad", options.count_include_pad, true))
    all.flag("count_include_pad", options.count_include_pad);
  check_options(options);
}

Channels AvgPool2d::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels out = walk.passed(*this, in);
  if (options.padding != Sides(0) && options.count_include_pad)
    walk.vary(out, "is averaged with the padding of " + label());
  return out;
}

Shape GlobalAvgPool::output_shape(const Shape& input) const {
  if (input.rank() != 4 || input[2] < 1 || input[3] < 1) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
  return {input[0], input[1], 1, 1};
}

Shape Flatten::output_shape(const Shape& input) const {
  if (input.rank() != 4 && input.rank() != 2) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
  return input.rank() == 2 ? input : Shape{input[0], input[1] * input[2] * input[3]};
}

Channels Flatten::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels out = walk.passed(*this, in);
  const std::int64_t pixels = out.count() / in.count();
  std::vector<int> units;
  out.constants.clear();
  for (std::int64_t c = 0; c < in.count(); ++c) {
    units.insert(units.end(), pixels, (*in.units)[c]);
    out.constants.insert(out.constants.end(), pixels, in.constants[c]);
  }
  out.units = std::make_shared<const std::vector<int>>(std::move(units));
  return out;
}

}  // namespace espalier::layers
