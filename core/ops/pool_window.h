// The windows that max- and average-pooling share: their geometry, loops over them, and the way
// back.
#pragma once

#include <cstring>
#include <type_traits>

#include "core/kernels/planes.h"
#include "core/operation.h"
#include "core/ops/pool.h"

namespace espalier {

// One window in one direction: where its first tap lies (below 0: in the padding), and the pixels
// of the image that it covers.
struct Span {
  std::int64_t origin = 0, begin = 0, end = 0;
};

// One window: that of output (y, x), which is the one number `index` of all planes.
struct WindowAt {
  std::int64_t index = 0, y = 0, x = 0;
  Span rows, columns;
};

// All windows. The taps of each are numbered in row order.
struct Window {
  static constexpr std::int64_t kLargest = 15;  // so that a tap's number fits a byte

  // Refuses what does not fit the images; errors name the operation.
  Window(Op op, const Shape& images, const PoolOptions& options);

  Shape outputs(const Shape& images) const;
  Span row_span(std::int64_t output, std::int64_t height) const {
    return span(output * stride.y - padding.top, kernel.y, height);
  }
  Span column_span(std::int64_t output, std::int64_t width) const {
    return span(output * stride.x - padding.left, kernel.x, width);
  }
  int tap(const WindowAt& at, std::int64_t y, std::int64_t x) const {
    return static_cast<int>((y - at.rows.origin) * kernel.x + x - at.columns.origin);
  }
  // Whether every pixel lies in exactly one window.
  bool partitions(const Planes& x) const {
    return kernel == stride && padding == Sides(0) && x.height % kernel.y == 0 &&
           x.width % kernel.x == 0;
  }
  // Whether they are 2x2 pixels side by side.
  bool halves() const {
    return kernel == Pair(2) && stride == Pair(2) && padding == Sides(0) && !ceil_mode;
  }

  Pair kernel, stride;
  Sides padding;
  bool ceil_mode;

 private:
  static Span span(std::int64_t origin, std::int64_t kernel, std::int64_t size) {
    return {origin, std::max<std::int64_t>(origin, 0), std::min(origin + kernel, size)};
  }
};

// The output of pooling x, yet to be written.
Tensor empty_pooled(const Tensor& x, const Window& window);

// Calls f(V{}, constant K): K is 2 for the usual windows of 2x2 pixels side by side, whose loops
// the compiler then unrolls, and 0 for all others.
template <class Function>
void specialise(int lanes, const Window& window, const Function& f) {
  with_element(lanes, [&](auto element) {
    if (window.halves())
      f(element, std::integral_constant<int, 2>());
    else
      f(element, std::integral_constant<int, 0>());
  });
}

// Calls body(at) for the windows of one plane.
template <class Body>
void for_windows(const Window& window, const Planes& x, const Planes& y, std::int64_t block,
                 std::int64_t channel, const Body& body) {
  WindowAt at;
  at.index = (block * y.channels + channel) * y.height * y.width;
  for (at.y = 0; at.y < y.height; ++at.y) {
    at.rows = window.row_span(at.y, x.height);
    for (at.x = 0; at.x < y.width; ++at.x, ++at.index) {
      at.columns = window.column_span(at.x, x.width);
      body(at);
    }
  }
}

// Calls body(y, x, tap) for the pixels of one window.
template <int K, class Body>
[[gnu::always_inline]] inline void for_taps(const Window& window, const WindowAt& at,
                                            const Body& body) {
  if constexpr (K > 0) {
#pragma GCC unroll 4
    for (int i = 0; i < K * K; ++i) body(at.rows.origin + i / K, at.columns.origin + i % K, i);
  } else {
    for (std::int64_t y = at.rows.begin; y < at.rows.end; ++y)
      for (std::int64_t x = at.columns.begin; x < at.columns.end; ++x)
        body(y, x, window.tap(at, y, x));
  }
}

// The way back: dx (+)= shares(window, dy of its output)(tap), for every tap of every window.
template <class V, int K, class Shares>
void spread(const Window& window, const Planes& dy, const Planes& dx, bool add,
            const Shares& shares) {
  const bool write = !add && window.partitions(dx);  // else zeros are written first, and added to
  for_each_plane(dx, [&](std::int64_t b, std::int64_t c) {
    if (write)
      zero_halo(dx, b, c);
    else if (!add)
      std::memset(dx.data + b * dx.block_stride + c * dx.channel_stride, 0,
                  static_cast<std::size_t>(dx.channel_stride) * sizeof(float));
    const Pixels<V> in(dx, b, c), out(dy, b, c);
    for_windows(window, dx, dy, b, c, [&](const WindowAt& at) {
      const auto share = shares(at, out(at.y, at.x));
      for_taps<K>(window, at, [&](std::int64_t y, std::int64_t x, int tap) {
        V& place = in(y, x);
        place = write ? share(tap) : place + share(tap);
      });
    });
  });
}

}  // namespace espalier
