// From one layout in memory to another, and from images to features: one copy forward, the reverse
// copy on the way back.
#include "core/ops/layout.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/pool.h"

namespace espalier {
namespace {

// Flatten. Images and features both have the images innermost, so nothing is transposed: every
// pixel's vector moves as a whole, from [blocks][C][H][W][L] to [C H W][blocks][L].
//
// Calls move(pixel, feature) for every element, in the order of the features in memory.
template <class V, class Move>
void for_pixels(const Planes& images, const Planes& features, const Move& move) {
  const std::int64_t blocks = images.blocks, block_step = images.block_stride / images.lanes;
  for_each_channel(images, [&](std::int64_t c) {
    const Pixels<V> plane(images, 0, c);
    V* feature = Pixels<V>(features, 0, c * images.height * images.width).first;
    for (std::int64_t y = 0; y < images.height; ++y) {
      V* pixel = plane.row(y);
      for (std::int64_t x = 0; x < images.width; ++x, feature += blocks)
        for (std::int64_t b = 0; b < blocks; ++b) move(pixel[b * block_step + x], feature[b]);
    }
  });
}

void flatten_backward(const Planes& features, const Planes& images, bool add) {
  if (!add)
    for_each_plane(images, [&](std::int64_t b, std::int64_t c) { zero_halo(images, b, c); });
  with_element(images.lanes, [&](auto element) {
    using V = decltype(element);
    for_pixels<V>(images, features, [add](V& dx, const V& dy) { dx = add ? dx + dy : dy; });
  });
}

}  // namespace

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

Tensor flatten(const Tensor& given) {
  if (given.shape().rank() == 2) return given;
  if (given.shape().rank() != 4)
    fail("flatten: found a tensor of shape ", given.shape().str(),
         ", expected images [N, C, H, W]");
  const Tensor x = to_lanes(given);
  const Shape& s = x.shape();
  Tensor y = Tensor::empty({s[0], s[1] * s[2] * s[3]}, {.lanes = x.layout().lanes});
  const Planes images = x.planes(), features = y.planes();
  with_element(images.lanes, [&](auto element) {
    using V = decltype(element);
    for_pixels<V>(images, features, [](const V& pixel, V& feature) { feature = pixel; });
  });
  return record(Op::Flatten, y, {x}, [x](const Tensor& dy) {
    if (GradOut dx = grad_out(x))
      flatten_backward(dy.planes(), planes_of(dx.data, x.shape(), x.layout()), dx.add);
  });
}

}  // namespace espalier
