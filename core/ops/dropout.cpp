// Dropout. Each element's choice is a random number of its own, computed from one key and the
// element's place in row-major order: it depends on neither layout nor threads, and the way back
// computes it again instead of keeping a mask.
#include <cstdint>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/activation.h"
#include "core/ops/map.h"

namespace espalier {
namespace {

struct Choice {
  Choice(float p, std::uint64_t key)
      : key(key), threshold(static_cast<std::uint32_t>(p * 0x1p32)), scale(1 / (1 - p)) {}

  // x as it is seen through dropout, at a place in row-major order.
  float operator()(std::int64_t place, float x) const {
    const std::uint64_t bits = mix_bits(key + static_cast<std::uint64_t>(place) * kMixStep);
    return static_cast<std::uint32_t>(bits >> 32) < threshold ? 0 : x * scale;
  }

  std::uint64_t key;
  std::uint32_t threshold;  // 2^32 p
  float scale;
};

template <int L>
void apply_to_planes(const Choice& choice, const Planes& from, const Planes& to, bool add) {
  const std::int64_t area = std::int64_t{to.height} * to.width, image_size = to.channels * area;
  for_each_plane(to, [&](std::int64_t b, std::int64_t c) {
    if (!add) zero_halo(to, b, c);
    for (std::int64_t y = 0; y < to.height; ++y) {
      const float* in = from.plane(b, c) + y * from.row_stride;
      float* out = to.plane(b, c) + y * to.row_stride;
      const std::int64_t first = b * L * image_size + c * area + y * to.width;
      for (std::int64_t x = 0; x < to.width; ++x)
        write_each(L, out + x * L, add, [=](std::int64_t lane) {
          return choice(first + x + lane * image_size, in[x * L + lane]);
        });
    }
  });
}

// to (+)= from as seen through dropout; both have the shape and the layout.
void apply(const Choice& choice, const float* from, float* to, bool add, const Shape& shape,
           const Layout& layout) {
  if (layout.plain()) {
    parallel_write(shape.numel(), to, add, [=](std::int64_t i) { return choice(i, from[i]); });
    return;
  }
  const Planes in = planes_of(const_cast<float*>(from), shape, layout);
  const Planes out = planes_of(to, shape, layout);
  (layout.lanes == 1 ? apply_to_planes<1> : apply_to_planes<kLanes>)(choice, in, out, add);
}

}  // namespace

Tensor dropout(const Tensor& x, float p, Rng& rng) {
  check(p >= 0 && p < 1, "dropout: found probability ", p, ", expected 0 or more and less than 1");
  if (p == 0) return x;
  const Choice choice(p, rng.next());
  Tensor y = Tensor::empty(x.shape(), x.layout());
  apply(choice, x.data(), y.mutable_data(), false, x.shape(), x.layout());
  return record(Op::Dropout, y, {x}, [x, choice](const Tensor& dy) {
    if (GradOut dx = grad_out(x)) apply(choice, dy.data(), dx.data, dx.add, x.shape(), x.layout());
  });
}

}  // namespace espalier
