// Windows: what is refused, and the shape of the output.
#include "core/ops/pool_window.h"

#include "core/error.h"
#include "core/ops/layout.h"

namespace espalier {

Window::Window(Op op, const Shape& s, const PoolOptions& options)
    : kernel(options.kernel),
      stride(options.stride == 0 ? options.kernel : options.stride),
      padding(options.padding) {
  if (s.rank() != 4)
    fail(name(op), ": found a tensor of shape ", s.str(), ", expected images [N, C, H, W]");
  check(kernel >= 1 && kernel <= kLargest, name(op), ": found a kernel of ", kernel,
        ", expected 1 to ", kLargest);
  check(stride >= 1, name(op), ": found a stride of ", stride, ", expected 1 or more");
  check(padding >= 0 && padding <= kernel / 2, name(op), ": found a padding of ", padding,
        ", expected at most half the kernel of ", kernel);
  check(s[2] > 0 && s[3] > 0 && std::min(s[2], s[3]) + 2 * padding >= kernel, name(op),
        ": found images of ", s[2], "x", s[3], " with a padding of ", padding,
        ", expected at least the kernel's ", kernel, "x", kernel);
}

Tensor empty_pooled(const Tensor& x, const Window& window) {
  const std::int64_t height = window.outputs(x.size(2)), width = window.outputs(x.size(3));
  return Tensor::empty({x.size(0), x.size(1), height, width},
                       {.lanes = x.layout().lanes, .halo = default_halo(height, width)});
}

}  // namespace espalier
