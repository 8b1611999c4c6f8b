// Windows: what is refused, and the shape of the output.
#include "core/ops/pool_window.h"

#include <algorithm>

#include "core/error.h"
#include "core/ops/layout.h"

namespace espalier {

namespace {

std::int64_t outputs_along(std::int64_t size, std::int64_t before, std::int64_t after,
                           std::int64_t kernel, std::int64_t stride, bool ceil_mode) {
  const std::int64_t way = size + before + after - kernel;
  if (!ceil_mode) return way / stride + 1;
  const std::int64_t count = (way + stride - 1) / stride + 1;
  return (count - 1) * stride < size + before ? count : count - 1;
}

}  // namespace

Window::Window(Op op, const Shape& s, const PoolOptions& options)
    : kernel(options.kernel),
      stride(options.stride == Pair(0) ? options.kernel : options.stride),
      padding(options.padding),
      ceil_mode(options.ceil_mode) {
  if (s.rank() != 4)
    fail(name(op), ": found a tensor of shape ", s.str(), ", expected images [N, C, H, W]");
  check(std::min(kernel.y, kernel.x) >= 1 && std::max(kernel.y, kernel.x) <= kLargest, name(op),
        ": found a kernel of ", kernel.y, "x", kernel.x, ", expected 1 to ", kLargest);
  check(std::min(stride.y, stride.x) >= 1, name(op), ": found a stride of ",
        std::min(stride.y, stride.x), ", expected 1 or more");
  const auto& [top, left, bottom, right] = padding;
  check(std::min({top, left, bottom, right}) >= 0 && std::max(top, bottom) < kernel.y &&
            std::max(left, right) < kernel.x,
        name(op), ": found a padding of ", top, ", ", left, ", ", bottom, " and ", right,
        ", expected less than the kernel of ", kernel.y, "x", kernel.x);
  check(s[2] > 0 && s[3] > 0 && s[2] + top + bottom >= kernel.y && s[3] + left + right >= kernel.x,
        name(op), ": found images of ", s[2], "x", s[3], ", with their padding ",
        s[2] + top + bottom, "x", s[3] + left + right, ", expected at least the kernel's ",
        kernel.y, "x", kernel.x);
}

Shape Window::outputs(const Shape& s) const {
  return {s[0], s[1],
          outputs_along(s[2], padding.top, padding.bottom, kernel.y, stride.y, ceil_mode),
          outputs_along(s[3], padding.left, padding.right, kernel.x, stride.x, ceil_mode)};
}

Shape pooled_shape(const Shape& images, const PoolOptions& options) {
  return Window(Op::MaxPool2d, images, options).outputs(images);
}

Tensor empty_pooled(const Tensor& x, const Window& window) {
  const Shape shape = window.outputs(x.shape());
  return Tensor::empty(shape, {.lanes = x.layout().lanes, .halo = halo_of(shape[2], shape[3])});
}

}  // namespace espalier
