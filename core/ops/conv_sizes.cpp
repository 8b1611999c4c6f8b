// Sizes of convolutions, and the layout of their input.
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
  check(options.stride >= 1 && options.padding >= 0, operation, ": found stride ", options.stride,
        " and padding ", options.padding, ", expected at least 1 and 0");
  check(w.rank() == 4 && w.numel() > 0, operation, ": found weight of shape ", w.str(),
        ", expected [O, C, KH, KW]");
  check(s.rank() == 4 && s[1] == w[1], operation, ": found input of shape ", s.str(),
        ", expected [N, ", w[1], ", H, W]");
  check(!bias.defined() || bias.shape() == Shape{w[0]}, operation, ": found bias of shape ",
        bias.defined() ? bias.shape().str() : "", ", expected [", w[0], "]");
  const std::int64_t high = s[2] + 2 * options.padding, wide = s[3] + 2 * options.padding;
  check(s[0] > 0 && high >= w[2] && wide >= w[3], operation, ": found input of shape ", s.str(),
        " with padding ", options.padding, ", expected images of at least ", w[2], " x ", w[3]);
  const ConvSizes sizes{static_cast<int>(w[1]),
                        static_cast<int>(w[0]),
                        static_cast<int>(w[2]),
                        static_cast<int>(w[3]),
                        static_cast<int>((high - w[2]) / options.stride + 1),
                        static_cast<int>((wide - w[3]) / options.stride + 1)};
  check(!options.max_pool || (options.relu && sizes.rows % 2 == 0 && sizes.columns % 2 == 0),
        operation, ": found max_pool on an output of ", sizes.rows, " x ", sizes.columns,
        ", expected relu and even sizes");
  if (!options.addend.defined()) return sizes;
  const Shape output{s[0], w[0], sizes.rows, sizes.columns};
  check(!grad_enabled() && !options.max_pool && options.addend.shape() == output, operation,
        ": found an addend of shape ", options.addend.shape().str(),
        grad_enabled() ? " while the tape is on" : "", ", expected ", output.str(),
        " without max_pool and without the tape");
  return sizes;
}

// Images in lanes with a halo that holds the padding, and all lanes where the tape is on.
Tensor conv_input(const Tensor& given, int padding) {
  Tensor x = to_lanes(given);
  Layout layout = x.layout();
  layout.halo = std::max(layout.halo, padding);
  if (layout.lanes == 1 && grad_enabled()) layout.lanes = simd_lanes();
  return to_layout(x, layout);
}

Tensor conv_addend(const ConvOptions& options, const Layout& layout) {
  return options.addend.defined() ? to_layout(to_lanes(options.addend), layout) : Tensor();
}

Tensor after_small_conv(const Tensor& y, const ConvOptions& options) {
  if (options.max_pool) return max_pool2d(y, {.kernel = 2});
  if (!options.addend.defined()) return y;
  const Tensor sum = add(y, options.addend);
  return options.relu ? relu(sum) : sum;
}

}  // namespace espalier
