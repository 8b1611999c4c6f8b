// Sizes of convolutions, and the tensors and passes that follow from them.
#include "core/ops/conv_sizes.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"

namespace espalier {

ConvSizes conv_sizes(const char* operation, const Tensor& x, const Shape& w, const Tensor& bias,
                     const ConvOptions& options) {
  const Shape& s = x.shape();
  const auto& [stride, pad, dilation, groups, relu, relu_limit, max_pool, addend, halo] = options;
  const int least_padding = std::min({pad.top, pad.left, pad.bottom, pad.right});
  check(std::min(stride.y, stride.x) >= 1 && least_padding >= 0, operation, ": found stride ",
        std::min(stride.y, stride.x), " and padding ", least_padding,
        ", expected at least 1 and 0");
  check(std::min({dilation.y, dilation.x, groups}) >= 1, operation, ": found dilation ",
        std::min(dilation.y, dilation.x), " and ", groups, " groups, expected at least 1 of each");
  check(w.rank() == 4 && w.numel() > 0 && w[0] % groups == 0, operation, ": found weight of shape ",
        w.str(), ", expected [O, C / groups, KH, KW] with ", groups,
        groups == 1 ? " group" : " groups");
  check(s.rank() == 4 && s[1] == w[1] * groups, operation, ": found input of shape ", s.str(),
        ", expected [N, ", w[1] * groups, ", H, W]");
  check(!bias.defined() || bias.shape() == Shape{w[0]}, operation, ": found bias of shape ",
        bias.defined() ? bias.shape().str() : "", ", expected [", w[0], "]");
  check(halo >= 0, operation, ": found a halo of ", halo, ", expected 0 or more");
  const std::int64_t high = s[2] + pad.top + pad.bottom, wide = s[3] + pad.left + pad.right;
  const std::int64_t window_h = dilation.y * (w[2] - 1) + 1, window_w = dilation.x * (w[3] - 1) + 1;
  check(s[0] > 0 && high >= window_h && wide >= window_w, operation, ": found input of shape ",
        s.str(), ", with its padding ", high, " x ", wide, ", expected images of at least ",
        window_h, " x ", window_w);
  const ConvSizes sizes{static_cast<int>(s[1]),
                        static_cast<int>(w[0]),
                        static_cast<int>(w[2]),
                        static_cast<int>(w[3]),
                        static_cast<int>((high - window_h) / stride.y + 1),
                        static_cast<int>((wide - window_w) / stride.x + 1)};
  check(!max_pool || (relu && sizes.rows % 2 == 0 && sizes.columns % 2 == 0), operation,
        ": found max_pool on an output of ", sizes.rows, " x ", sizes.columns,
        ", expected relu and even sizes");
  check(relu_limit == kNoLimit || (relu && !grad_enabled() && !max_pool), operation,
        ": found a limit of ReLU", grad_enabled() ? " while the tape is on" : "",
        ", expected one with relu, without max_pool and without the tape");
  if (!addend.defined()) return sizes;
  const Shape output{s[0], w[0], sizes.rows, sizes.columns};
  check(!grad_enabled() && !max_pool && addend.shape() == output, operation,
        ": found an addend of shape ", addend.shape().str(),
        grad_enabled() ? " while the tape is on" : "", ", expected ", output.str(),
        " without max_pool and without the tape");
  return sizes;
}

// Images in lanes with a halo that holds the padding, and all lanes where the tape is on.
Tensor conv_input(const Tensor& given, const Sides& padding) {
  Tensor x = to_lanes(given);
  Layout layout = x.layout();
  layout.halo = std::max({layout.halo, padding.top, padding.left, padding.bottom, padding.right});
  if (layout.lanes == 1 && grad_enabled()) layout.lanes = simd_lanes();
  return to_layout(x, layout);
}

Tensor conv_output(const Tensor& x, const ConvSizes& s, const ConvOptions& options) {
  const int lanes = x.layout().lanes, shrink = options.max_pool && lanes > 1 ? 2 : 1;
  const int height = s.rows / shrink, width = s.columns / shrink;
  Tensor y = Tensor::empty({x.size(0), s.out_channels, height, width},
                           {.lanes = lanes, .halo = halo_of(height, width, options.halo)});
  y.mutable_data();
  return y;
}

Tensor conv_addend(const ConvOptions& options, const Layout& layout) {
  return options.addend.defined() ? to_layout(to_lanes(options.addend), layout) : Tensor();
}

Epilogue conv_epilogue(const Tensor& bias, const Tensor& addend, const ConvOptions& options) {
  return {.bias = bias.defined() ? bias.data() : nullptr,
          .addend = addend.defined() ? addend.planes().plane(0, 0) : nullptr,
          .relu = options.relu,
          .relu_limit = options.relu_limit};
}

Tensor empty_argmax(const Planes& pooled) {
  return Tensor::empty(
      {pooled.blocks, pooled.channels, pooled.height, pooled.width * pooled.lanes / 4});
}

std::uint8_t* argmax_bytes(Tensor& argmax) {
  return argmax.defined() ? reinterpret_cast<std::uint8_t*>(argmax.mutable_data()) : nullptr;
}

OutputGradient ConvRecord::gradient(const Tensor& dy) const {
  const void* windows = argmax.defined() ? argmax.data() : nullptr;
  return {.dy = dy.planes(),
          .y = y.defined() ? y.data() : nullptr,
          .argmax = static_cast<const std::uint8_t*>(windows)};
}

SmallConvPass small_conv_pass(const Tensor& x, const Tensor& y, const Tensor& bias,
                              const ConvSizes& s, const ConvOptions& options) {
  SmallConvPass pass{options.addend.defined() ? conv_epilogue(bias, {}, {})
                                              : conv_epilogue(bias, {}, options)};
  pass.in = x.planes();
  pass.out = y.planes();
  pass.kernel_h = s.kernel_h;
  pass.kernel_w = s.kernel_w;
  pass.stride = options.stride;
  pass.top = options.padding.top;
  pass.left = options.padding.left;
  return pass;
}

Tensor after_small_conv(const Tensor& y, const ConvOptions& options) {
  if (options.max_pool) return max_pool2d(y, {.kernel = 2});
  if (!options.addend.defined()) return y;
  const Tensor sum = add(y, options.addend);
  if (!options.relu) return sum;
  return options.relu_limit < kNoLimit ? clamp(sum, 0, options.relu_limit) : relu(sum);
}

TapGeometry tap_geometry(const Planes& in, const ConvOptions& options) {
  return {.groups = options.groups,
          .top = options.padding.top,
          .left = options.padding.left,
          .dilation_y = options.dilation.y,
          .dilation_x = options.dilation.x,
          .channel = in.channel_stride,
          .row = in.row_stride,
          .pixel = in.lanes,
          .part_channels = in.channels};
}

}  // namespace espalier
