// Max-pooling, in lanes. Which tap of its window each output came from is kept in one byte.
#include "core/autograd.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"
#include "core/ops/pool_window.h"

namespace espalier {
namespace {

template <class V>
void store_taps(std::uint8_t* to, Whole<V> taps) {
  if constexpr (std::is_same_v<V, Vec>)
    *reinterpret_cast<Bytes*>(to) = __builtin_convertvector(taps, Bytes);
  else
    *to = static_cast<std::uint8_t>(taps);
}

template <class V>
Whole<V> load_taps(const std::uint8_t* from) {
  if constexpr (std::is_same_v<V, Vec>)
    return widen(from);
  else
    return *from;
}

// Writes the taps too unless argmax is null.
template <class V, int K>
void take_maxima(const Window& window, const Planes& x, const Planes& y, std::uint8_t* argmax) {
  for_each_plane(y, [&](std::int64_t b, std::int64_t c) {
    zero_halo(y, b, c);
    const Pixels<V> in(x, b, c), out(y, b, c);
    for_windows(window, x, y, b, c, [&](const WindowAt& at) {
      V best = in(at.rows.begin, at.columns.begin);
      Whole<V> from = Whole<V>{} + window.tap(at, at.rows.begin, at.columns.begin);
      for_taps<K>(window, at, [&](std::int64_t py, std::int64_t px, int tap) {
        const V value = in(py, px);
        const auto better = (value > best) | (value != value);  // NaN wins
        best = better ? value : best;
        from = better ? Whole<V>{} + tap : from;
      });
      out(at.y, at.x) = best;
      if (argmax) store_taps<V>(argmax + at.index * y.lanes, from);
    });
  });
}

}  // namespace

Tensor max_pool2d(const Tensor& given, const PoolOptions& options) {
  const Window window(Op::MaxPool2d, given.shape(), options);
  const Tensor x = to_lanes(given);
  Tensor y = empty_pooled(x, window);
  const Planes in = x.planes(), out = y.planes();

  Tensor bytes;  // holds the argmax of every output, four to a float
  std::uint8_t* argmax = nullptr;
  if (needs_record({x})) {
    const std::int64_t outputs = std::int64_t{out.blocks} * out.channels * out.height * out.width;
    bytes = Tensor::empty({(outputs * out.lanes + 3) / 4});
    argmax = reinterpret_cast<std::uint8_t*>(bytes.mutable_data());
  }
  specialise(in.lanes, window, [&](auto element, auto kernel) {
    take_maxima<decltype(element), kernel()>(window, in, out, argmax);
  });

  return record(Op::MaxPool2d, y, {x}, [x, window, bytes](const Tensor& dy) {
    const GradOut out = grad_out(x);
    if (!out) return;
    const Planes dx = planes_of(out.data, x.shape(), x.layout());
    const auto* argmax = reinterpret_cast<const std::uint8_t*>(bytes.data());
    specialise(dx.lanes, window, [&](auto element, auto kernel) {
      using V = decltype(element);
      spread<V, kernel()>(window, dy.planes(), dx, out.add, [&](const WindowAt& at, V d) {
        const Whole<V> from = load_taps<V>(argmax + at.index * dx.lanes);
        return [from, d](int tap) { return from == tap ? d : V{}; };
      });
    });
  });
}

}  // namespace espalier
