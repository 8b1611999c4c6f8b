// Pooling over windows, in lanes: maxima, of which one byte keeps the tap of its window that each
// came from, and means.
#include "core/ops/pool.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/layout.h"

namespace espalier {
namespace {

// One window in one direction: where its first tap lies (below 0: in the padding), and the pixels
// of the image that it covers.
struct Span {
  Span() = default;
  Span(std::int64_t origin, std::int64_t kernel, std::int64_t size)
      : origin(origin),
        begin(std::max<std::int64_t>(origin, 0)),
        end(std::min(origin + kernel, size)) {}

  std::int64_t origin = 0, begin = 0, end = 0;
};

// One window: that of output (y, x), which is the one number `index` of all planes.
struct WindowAt {
  std::int64_t index = 0, y = 0, x = 0;
  Span rows, columns;
};

std::int64_t outputs_along(std::int64_t size, std::int64_t before, std::int64_t after,
                           std::int64_t kernel, std::int64_t stride, bool ceil_mode) {
  const std::int64_t way = size + before + after - kernel;
  if (!ceil_mode) return way / stride + 1;
  const std::int64_t count = (way + stride - 1) / stride + 1;
  return (count - 1) * stride < size + before ? count : count - 1;
}

// All windows. The taps of each are numbered in row order.
struct Window {
  static constexpr std::int64_t kLargest = 15;  // so that a tap's number fits a byte

  // Refuses what does not fit the images; errors name the owner.
  Window(const std::string& owner, const Shape& images, const PoolOptions& options);

  Shape outputs(const Shape& images) const {
    return {images[0], images[1],
            outputs_along(height, padding.top, padding.bottom, kernel.y, stride.y, ceil_mode),
            outputs_along(width, padding.left, padding.right, kernel.x, stride.x, ceil_mode)};
  }
  int tap(const WindowAt& at, std::int64_t y, std::int64_t x) const {
    return static_cast<int>((y - at.rows.origin) * kernel.x + x - at.columns.origin);
  }
  // Whether every pixel lies in exactly one window.
  bool partitions() const {
    return kernel == stride && padding == Sides(0) && height % kernel.y == 0 &&
           width % kernel.x == 0;
  }
  // Whether they are 2x2 pixels side by side.
  bool halves() const {
    return kernel == Pair(2) && stride == Pair(2) && padding == Sides(0) && !ceil_mode;
  }

  // Calls body(at) for the windows of one plane of outputs.
  template <class Body>
  void for_each_window(const Planes& y, std::int64_t block, std::int64_t channel,
                       const Body& body) const {
    WindowAt at;
    at.index = (block * y.channels + channel) * y.height * y.width;
    for (at.y = 0; at.y < y.height; ++at.y) {
      at.rows = Span(at.y * stride.y - padding.top, kernel.y, height);
      for (at.x = 0; at.x < y.width; ++at.x, ++at.index) {
        at.columns = Span(at.x * stride.x - padding.left, kernel.x, width);
        body(at);
      }
    }
  }

  // Calls body(y, x, tap) for the pixels of one window.
  template <int K, class Body>
  [[gnu::always_inline]] void for_taps(const WindowAt& at, const Body& body) const {
    if constexpr (K > 0) {
#pragma GCC unroll 4
      for (int i = 0; i < K * K; ++i) body(at.rows.origin + i / K, at.columns.origin + i % K, i);
    } else {
      for (std::int64_t y = at.rows.begin; y < at.rows.end; ++y)
        for (std::int64_t x = at.columns.begin; x < at.columns.end; ++x) body(y, x, tap(at, y, x));
    }
  }

  Pair kernel, stride;
  Sides padding;
  bool ceil_mode;
  std::int64_t height, width;  // of the images
};

Window::Window(const std::string& owner, const Shape& s, const PoolOptions& options)
    : kernel(options.kernel),
      stride(options.stride == Pair(0) ? options.kernel : options.stride),
      padding(options.padding),
      ceil_mode(options.ceil_mode) {
  if (s.rank() != 4)
    fail(owner, ": found a tensor of shape ", s.str(), ", expected images [N, C, H, W]");
  height = s[2], width = s[3];
  check(std::min(kernel.y, kernel.x) >= 1 && std::max(kernel.y, kernel.x) <= kLargest, owner,
        ": found a kernel of ", kernel.y, "x", kernel.x, ", expected 1 to ", kLargest);
  check(std::min(stride.y, stride.x) >= 1, owner, ": found a stride of ",
        std::min(stride.y, stride.x), ", expected 1 or more");
  const auto& [top, left, bottom, right] = padding;
  check(std::min({top, left, bottom, right}) >= 0 && std::max(top, bottom) < kernel.y &&
            std::max(left, right) < kernel.x,
        owner, ": found a padding of ", top, ", ", left, ", ", bottom, " and ", right,
        ", expected less than the kernel of ", kernel.y, "x", kernel.x);
  const std::int64_t padded_height = height + top + bottom, padded_width = width + left + right;
  check(height > 0 && width > 0 && padded_height >= kernel.y && padded_width >= kernel.x, owner,
        ": found images of ", height, "x", width, ", with their padding ", padded_height, "x",
        padded_width, ", expected at least the kernel's ", kernel.y, "x", kernel.x);
}

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

// The way back: dx (+)= shares(window, dy of its output)(tap), for every tap of every window.
template <class V, int K, class Shares>
void spread(const Window& window, const Planes& dy, const Planes& dx, bool add,
            const Shares& shares) {
  const bool write = !add && window.partitions();  // else zeros are written first, and added to
  for_each_plane(dx, [&](std::int64_t b, std::int64_t c) {
    if (write)
      zero_halo(dx, b, c);
    else if (!add)
      std::memset(dx.data + b * dx.block_stride + c * dx.channel_stride, 0,
                  static_cast<std::size_t>(dx.channel_stride) * sizeof(float));
    const Pixels<V> in(dx, b, c), out(dy, b, c);
    window.for_each_window(dy, b, c, [&](const WindowAt& at) {
      const auto share = shares(at, out(at.y, at.x));
      window.for_taps<K>(at, [&](std::int64_t y, std::int64_t x, int tap) {
        V& place = in(y, x);
        place = write ? share(tap) : place + share(tap);
      });
    });
  });
}

// Each output is take(kernel, pixels of x, window); see spread() for the way back.
template <class Take, class Shares>
Tensor pool(Op op, const Tensor& x, const Window& window, const Take& take, Shares shares) {
  const Shape shape = window.outputs(x.shape());
  Tensor y = Tensor::empty(shape, {.lanes = x.layout().lanes, .halo = halo_of(shape[2], shape[3])});
  const Planes in = x.planes(), out = y.planes();
  specialise(in.lanes, window, [&](auto element, auto kernel) {
    using V = decltype(element);
    for_each_plane(out, [&](std::int64_t b, std::int64_t c) {
      zero_halo(out, b, c);
      const Pixels<V> from(in, b, c), to(out, b, c);
      const Take own = take;  // a copy that no store can change: its members stay in registers
      window.for_each_window(
          out, b, c, [&](const WindowAt& at) { to(at.y, at.x) = own(element, kernel, from, at); });
    });
  });
  return record(op, y, {x}, [x, window, shares](const Tensor& dy) {
    const GradOut to = grad_out(x);
    if (!to) return;
    const Planes dx = planes_of(to.data, x.shape(), x.layout());
    specialise(dx.lanes, window, [&](auto element, auto kernel) {
      spread<decltype(element), kernel()>(window, dy.planes(), dx, to.add, shares);
    });
  });
}

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

// Of one window in one direction, with what counts of the padding.
std::int64_t counted(std::int64_t origin, std::int64_t kernel, std::int64_t size,
                     std::int64_t before, std::int64_t after) {
  return std::min(origin + kernel, size + after) - std::max(origin, -before);
}

}  // namespace

Shape pooled_shape(const std::string& owner, const Shape& images, const PoolOptions& options) {
  return Window(owner, images, options).outputs(images);
}

Tensor max_pool2d(const Tensor& given, const PoolOptions& options) {
  const Window window(name(Op::MaxPool2d), given.shape(), options);
  const Tensor x = to_lanes(given);
  const int lanes = x.layout().lanes;
  Tensor bytes;  // holds the argmax of every output, four to a float
  std::uint8_t* argmax = nullptr;
  if (needs_record({x})) {
    const Shape y = window.outputs(x.shape());
    bytes = Tensor::empty({(x.planes().blocks * lanes * y[1] * y[2] * y[3] + 3) / 4});
    argmax = reinterpret_cast<std::uint8_t*>(bytes.mutable_data());
  }
  const auto take = [&](auto element, auto kernel, const auto& in, const WindowAt& at) {
    using V = decltype(element);
    V best = in(at.rows.begin, at.columns.begin);
    Whole<V> from = Whole<V>{} + window.tap(at, at.rows.begin, at.columns.begin);
    window.for_taps<kernel()>(at, [&](std::int64_t py, std::int64_t px, int tap) {
      const V value = in(py, px);
      const auto better = (value > best) | (value != value);  // NaN wins
      best = better ? value : best;
      from = better ? Whole<V>{} + tap : from;
    });
    if (argmax) store_taps<V>(argmax + at.index * lanes, from);
    return best;
  };
  return pool(Op::MaxPool2d, x, window, take, [bytes, argmax, lanes](const WindowAt& at, auto d) {
    using V = decltype(d);
    const Whole<V> from = load_taps<V>(argmax + at.index * lanes);
    return [from, d](int tap) { return from == tap ? d : V{}; };
  });
}

Tensor avg_pool2d(const Tensor& given, const PoolOptions& options) {
  const Window window(name(Op::AvgPool2d), given.shape(), options);
  const Sides padding = options.count_include_pad ? window.padding : Sides(0);
  // Whether all windows lie within what counts.
  const bool even = !window.ceil_mode && padding == window.padding;
  const float whole = 1 / static_cast<float>(window.kernel.y * window.kernel.x);
  const auto share = [=](const WindowAt& at) {
    if (even) return whole;
    return 1 / static_cast<float>(counted(at.rows.origin, window.kernel.y, window.height,
                                          padding.top, padding.bottom) *
                                  counted(at.columns.origin, window.kernel.x, window.width,
                                          padding.left, padding.right));
  };
  const auto take = [&window, share](auto element, auto kernel, const auto& in,
                                     const WindowAt& at) {
    decltype(element) total = {};
    const float part = share(at);
    const auto pixels = in;
    window.for_taps<kernel()>(
        at, [&](std::int64_t py, std::int64_t px, int) { total += pixels(py, px); });
    return total * part;
  };
  return pool(Op::AvgPool2d, to_lanes(given), window, take, [share](const WindowAt& at, auto d) {
    return [part = d * share(at)](int) { return part; };
  });
}

}  // namespace espalier
