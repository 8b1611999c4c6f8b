// A factor for each channel, plane by plane.
#include "core/ops/gate.h"

#include "core/autograd.h"
#include "core/kernels/planes.h"
#include "core/ops/layout.h"

namespace espalier {
namespace {

template <class V>
void multiply(const Planes& x, const Planes& gate, const Planes& y) {
  for_each_plane(y, [&](std::int64_t b, std::int64_t c) {
    zero_halo(y, b, c);
    const Pixels<V> in(x, b, c), out(y, b, c);
    const V factor = *Pixels<V>(gate, b, c).first;
    for (std::int64_t py = 0; py < y.height; ++py)
      for (std::int64_t px = 0; px < y.width; ++px) out(py, px) = in(py, px) * factor;
  });
}

// The gradient of the images.
template <class V>
void spread(const Planes& dy, const Planes& gate, const Planes& dx, bool add) {
  for_each_plane(dx, [&](std::int64_t b, std::int64_t c) {
    if (!add) zero_halo(dx, b, c);
    const Pixels<V> in(dy, b, c), out(dx, b, c);
    const V factor = *Pixels<V>(gate, b, c).first;
    for (std::int64_t py = 0; py < dx.height; ++py)
      for (std::int64_t px = 0; px < dx.width; ++px) {
        const V share = in(py, px) * factor;
        out(py, px) = add ? out(py, px) + share : share;
      }
  });
}

// The gradient of the gate. Row by row, so that the sum of a large plane keeps its digits.
template <class V>
void gather(const Planes& dy, const Planes& x, const Planes& dgate, bool add) {
  for_each_plane(x, [&](std::int64_t b, std::int64_t c) {
    if (!add) zero_halo(dgate, b, c);
    const Pixels<V> d(dy, b, c), in(x, b, c);
    V total = {};
    for (std::int64_t py = 0; py < x.height; ++py) {
      V of_row = {};
      for (std::int64_t px = 0; px < x.width; ++px) of_row += d(py, px) * in(py, px);
      total += of_row;
    }
    V& to = *Pixels<V>(dgate, b, c).first;
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
    multiply<decltype(element)>(x.planes(), gate.planes(), y.planes());
  });
  return record(Op::Mul, y, {x, gate}, [x, gate](const Tensor& dy) {
    with_element(x.layout().lanes, [&](auto element) {
      using V = decltype(element);
      if (const GradOut dx = grad_out(x))
        spread<V>(dy.planes(), gate.planes(), planes_of(dx.data, x.shape(), x.layout()), dx.add);
      if (const GradOut dg = grad_out(gate))
        gather<V>(dy.planes(), x.planes(), planes_of(dg.data, gate.shape(), gate.layout()), dg.add);
    });
  });
}

}  // namespace espalier
