// From one layout in memory to another: one copy forward, the reverse copy on the way back.
#include "core/ops/layout.h"

#include "core/autograd.h"
#include "core/error.h"

namespace espalier {

Tensor to_layout(const Tensor& x, const Layout& wanted) {
  Layout layout = wanted;
  if (layout.plain() || x.shape().rank() == 2) layout.halo = 0;  // neither of these has one
  if (x.layout() == layout) return x;
  check(layout.plain() || layout.lanes == 1 || layout.lanes == simd_lanes(), "layout: found ",
        layout.lanes, " lanes, expected 0 (plain), 1 or ", simd_lanes());
  check(layout.halo >= 0, "layout: found a halo of ", layout.halo, ", expected 0 or more");
  Tensor y = Tensor::empty(x.shape(), layout);
  relayout(x.shape(), x.data(), x.layout(), y.mutable_data(), layout);
  return record(Op::Relayout, y, {x}, [x, layout](const Tensor& dy) {
    if (GradOut dx = grad_out(x))
      relayout(x.shape(), dy.data(), layout, dx.data, x.layout(), dx.add);
  });
}

Tensor to_plain(const Tensor& x) { return to_layout(x, {}); }

Tensor to_lanes(const Tensor& x) {
  const Shape& shape = x.shape();
  if (shape.rank() != 4 && shape.rank() != 2)
    fail("lanes: found a tensor of shape ", shape.str(),
         ", expected images [N, C, H, W] or features [N, F]");
  if (!x.layout().plain()) return x;
  const int halo = shape.rank() == 4 ? halo_of(shape[2], shape[3]) : 0;
  return to_layout(x, Layout::for_batch(shape[0], grad_enabled(), halo));
}

int halo_of(std::int64_t height, std::int64_t width, int wanted) {
  return height * width > 1 ? wanted : 0;
}

}  // namespace espalier
