// One value for each plane of images: its mean, and a factor for it.
#include "core/ops/gate.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"

namespace espalier {
namespace {

// The sum of f(y, x) over a plane. Row by row, so that that of a large one keeps its digits.
template <class V, class Function>
V sum_plane(const Planes& p, const Function& f) {
  V total = {};
  for (std::int64_t y = 0; y < p.height; ++y) {
    V of_row = {};
    for (std::int64_t x = 0; x < p.width; ++x) of_row += f(y, x);
    total += of_row;
  }
  return total;
}

// Each pixel (y, x) of a plane = or += f(y, x).
template <class V, class Function>
void write_plane(const Planes& to, std::int64_t block, std::int64_t channel, bool add,
                 const Function& f) {
  if (!add) zero_halo(to, block, channel);
  const Pixels<V> out(to, block, channel);
  for (std::int64_t y = 0; y < to.height; ++y)
    for (std::int64_t x = 0; x < to.width; ++x) {
      const V value = f(y, x);
      out(y, x) = add ? out(y, x) + value : value;
    }
}

template <class V>
V& value_of(const Planes& values, std::int64_t block, std::int64_t channel) {
  return *Pixels<V>(values, block, channel).first;
}

// y (+)= x * gate
template <class V>
void multiply(const Planes& x, const Planes& gate, const Planes& y, bool add) {
  for_each_plane(y, [&](std::int64_t b, std::int64_t c) {
    const Pixels<V> in(x, b, c);
    const V factor = value_of<V>(gate, b, c);
    write_plane<V>(y, b, c, add,
                   [&](std::int64_t py, std::int64_t px) { return in(py, px) * factor; });
  });
}

// The gradient of the gate.
template <class V>
void gather(const Planes& dy, const Planes& x, const Planes& dgate, bool add) {
  for_each_plane(x, [&](std::int64_t b, std::int64_t c) {
    if (!add) zero_halo(dgate, b, c);
    const Pixels<V> d(dy, b, c), in(x, b, c);
    const V total =
        sum_plane<V>(x, [&](std::int64_t py, std::int64_t px) { return d(py, px) * in(py, px); });
    V& to = value_of<V>(dgate, b, c);
    to = add ? to + total : total;
  });
}

}  // namespace

bool gates(const Tensor& x, const Tensor& gate) {
  const Shape &s = x.shape(), &g = gate.shape();
  return s.rank() == 4 && g.rank() == 4 && g[0] == s[0] && g[1] == s[1] && g[2] == 1 && g[3] == 1 &&
         s[2] * s[3] > 1 && !x.layout().plain();
}

Tensor gate(const Tensor& x, const Tensor& given) {
  const Tensor gate = to_layout(given, {.lanes = x.layout().lanes, .halo = given.layout().halo});
  Tensor y = Tensor::empty(x.shape(), x.layout());
  with_element(x.layout().lanes, [&](auto element) {
    multiply<decltype(element)>(x.planes(), gate.planes(), y.planes(), false);
  });
  return record(Op::Mul, y, {x, gate}, [x, gate](const Tensor& dy) {
    with_element(x.layout().lanes, [&](auto element) {
      using V = decltype(element);
      if (const GradOut dx = grad_out(x))
        multiply<V>(dy.planes(), gate.planes(), planes_of(dx.data, x.shape(), x.layout()), dx.add);
      if (const GradOut dg = grad_out(gate))
        gather<V>(dy.planes(), x.planes(), planes_of(dg.data, gate.shape(), gate.layout()), dg.add);
    });
  });
}

Tensor global_avg_pool(const Tensor& given) {
  const Shape& s = given.shape();
  if (s.rank() != 4 || s[2] * s[3] == 0)
    fail("global_avg_pool: found a tensor of shape ", s.str(),
         ", expected images [N, C, H, W] of at least one pixel");
  const Tensor x = to_lanes(given);
  Tensor y = Tensor::empty({s[0], s[1], 1, 1}, {.lanes = x.layout().lanes});
  const Planes in = x.planes(), out = y.planes();
  const float share = 1 / static_cast<float>(s[2] * s[3]);
  with_element(in.lanes, [&](auto element) {
    using V = decltype(element);
    for_each_plane(in, [&](std::int64_t b, std::int64_t c) {
      value_of<V>(out, b, c) = share * sum_plane<V>(in, Pixels<V>(in, b, c));
    });
  });
  return record(Op::GlobalAvgPool, y, {x}, [x, share](const Tensor& dy) {
    const GradOut to = grad_out(x);
    if (!to) return;
    const Planes dx = planes_of(to.data, x.shape(), x.layout()), d = dy.planes();
    with_element(dx.lanes, [&](auto element) {
      using V = decltype(element);
      for_each_plane(dx, [&](std::int64_t b, std::int64_t c) {
        const V part = value_of<V>(d, b, c) * share;
        write_plane<V>(dx, b, c, to.add, [&](std::int64_t, std::int64_t) { return part; });
      });
    });
  });
}

}  // namespace espalier
