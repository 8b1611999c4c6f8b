// Average-pooling over windows and over whole planes, in lanes.
#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"
#include "core/ops/pool_window.h"

namespace espalier {
namespace {

// What each pixel of a window counts.
class Shares {
 public:
  Shares(const Window& window, const PoolOptions& options, const Shape& images)
      : padding_(options.count_include_pad ? window.padding : Sides(0)),
        kernel_(window.kernel),
        height_(images[2]),
        width_(images[3]),
        // Whether all windows lie within what counts.
        even_(!window.ceil_mode && (options.count_include_pad || window.padding == Sides(0))),
        share_(1 / static_cast<float>(window.kernel.y * window.kernel.x)) {}

  float operator()(const WindowAt& at) const {
    if (even_) return share_;
    return 1 / static_cast<float>(
                   counted(at.rows.origin, kernel_.y, height_, padding_.top, padding_.bottom) *
                   counted(at.columns.origin, kernel_.x, width_, padding_.left, padding_.right));
  }

 private:
  static std::int64_t counted(std::int64_t origin, std::int64_t kernel, std::int64_t size,
                              std::int64_t before, std::int64_t after) {
    return std::min(origin + kernel, size + after) - std::max(origin, -before);
  }

  Sides padding_;
  Pair kernel_;
  std::int64_t height_, width_;
  bool even_;
  float share_;
};

template <class V, int K>
void take_means(const Window& window, const Planes& x, const Planes& y, const Shares& shares) {
  for_each_plane(y, [&](std::int64_t b, std::int64_t c) {
    zero_halo(y, b, c);
    const Pixels<V> in(x, b, c), out(y, b, c);
    for_windows(window, x, y, b, c, [&](const WindowAt& at) {
      V total = {};
      for_taps<K>(window, at, [&](std::int64_t py, std::int64_t px, int) { total += in(py, px); });
      out(at.y, at.x) = total * shares(at);
    });
  });
}

// Row by row, so that the sum of a large plane keeps its digits.
template <class V>
void take_plane_means(const Planes& x, const Planes& y, float share) {
  for_each_plane(x, [&](std::int64_t b, std::int64_t c) {
    const Pixels<V> in(x, b, c);
    V total = {};
    for (std::int64_t py = 0; py < x.height; ++py) {
      V of_row = {};
      for (std::int64_t px = 0; px < x.width; ++px) of_row += in(py, px);
      total += of_row;
    }
    *Pixels<V>(y, b, c).first = total * share;
  });
}

template <class V>
void spread_plane_means(const Planes& dy, const Planes& dx, bool add, float share) {
  for_each_plane(dx, [&](std::int64_t b, std::int64_t c) {
    if (!add) zero_halo(dx, b, c);
    const Pixels<V> in(dx, b, c);
    const V part = *Pixels<V>(dy, b, c).first * share;
    for (std::int64_t y = 0; y < dx.height; ++y)
      for (std::int64_t x = 0; x < dx.width; ++x) in(y, x) = add ? in(y, x) + part : part;
  });
}

}  // namespace

Tensor avg_pool2d(const Tensor& given, const PoolOptions& options) {
  const Window window(Op::AvgPool2d, given.shape(), options);
  const Tensor x = to_lanes(given);
  Tensor y = empty_pooled(x, window);
  const Planes in = x.planes(), out = y.planes();
  const Shares shares(window, options, x.shape());
  specialise(in.lanes, window, [&](auto element, auto kernel) {
    take_means<decltype(element), kernel()>(window, in, out, shares);
  });
  return record(Op::AvgPool2d, y, {x}, [x, window, shares](const Tensor& dy) {
    const GradOut out = grad_out(x);
    if (!out) return;
    const Planes dx = planes_of(out.data, x.shape(), x.layout());
    specialise(dx.lanes, window, [&](auto element, auto kernel) {
      using V = decltype(element);
      spread<V, kernel()>(window, dy.planes(), dx, out.add, [shares](const WindowAt& at, V d) {
        return [part = d * shares(at)](int) { return part; };
      });
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
  with_element(in.lanes,
               [&](auto element) { take_plane_means<decltype(element)>(in, out, share); });
  return record(Op::GlobalAvgPool, y, {x}, [x, share](const Tensor& dy) {
    const GradOut out = grad_out(x);
    if (!out) return;
    const Planes dx = planes_of(out.data, x.shape(), x.layout());
    with_element(dx.lanes, [&](auto element) {
      spread_plane_means<decltype(element)>(dy.planes(), dx, out.add, share);
    });
  });
}

}  // namespace espalier
