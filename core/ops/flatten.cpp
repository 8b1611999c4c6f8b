// Flatten: from images to features. Both have the images innermost, so nothing is transposed: every
// pixel's vector moves as a whole, from [blocks][C][H][W][L] to [C H W][blocks][L].
#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"

namespace espalier {
namespace {

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
