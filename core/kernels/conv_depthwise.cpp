// Depthwise convolution: rows of pixels in registers while the taps of a plane pass by.
#include "core/kernels/conv_depthwise.h"

#include <algorithm>
#include <vector>

#include "core/kernels/planes.h"
#include "core/kernels/scratch.h"
#include "core/memory.h"

namespace espalier {
namespace {

constexpr int kTile = 8;  // pixels of a row
constexpr int kTaps = 9;  // of the kernel that networks have, unrolled

// One weight, and how far from a position's pixel it reads, in elements.
struct Tap {
  std::int64_t offset;
  float weight;
};
using Taps = std::vector<Tap, PoolAllocator<Tap>>;

// Where a pass over one plane reads and writes, in elements.
template <class V>
struct Rows {
  const V* in;
  std::int64_t in_y, in_x;
  V* out;
  std::int64_t out_y, out_x;
  int rows, columns;
};

template <class V, int P, int T>
[[gnu::always_inline]] inline void sum_taps(const V* in, std::int64_t step, const Tap* taps,
                                            int count, V (&sum)[P]) {
  const int all = T ? T : count;
#pragma GCC unroll 9
  for (int t = 0; t < all; ++t) {
    const V weight = splat<V>(taps[t].weight);
    const V* x = in + taps[t].offset;
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) sum[p] += weight * x[p * step];
  }
}

// finish(out, sum) for every position.
template <class V, int T, class Finish>
void filter(const Rows<V>& r, const Taps& taps, float bias, const Finish& finish) {
  const auto tile = [&]<int P>(std::int64_t y, std::int64_t x, std::integral_constant<int, P>) {
    V sum[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) sum[p] = splat<V>(bias);
    sum_taps<V, P, T>(r.in + y * r.in_y + x * r.in_x, r.in_x, taps.data(),
                      static_cast<int>(taps.size()), sum);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) finish(r.out + y * r.out_y + (x + p) * r.out_x, sum[p]);
  };
  for (int y = 0; y < r.rows; ++y) {
    int x = 0;
    for (; x + kTile <= r.columns; x += kTile) tile(y, x, std::integral_constant<int, kTile>());
    for (; x + 4 <= r.columns; x += 4) tile(y, x, std::integral_constant<int, 4>());
    for (; x < r.columns; ++x) tile(y, x, std::integral_constant<int, 1>());
  }
}

template <class V, class Finish>
void filter(const Rows<V>& r, const Taps& taps, float bias, const Finish& finish) {
  if (taps.size() == kTaps)
    filter<V, kTaps>(r, taps, bias, finish);
  else
    filter<V, 0>(r, taps, bias, finish);
}

// Offsets in elements of planes like these; weights of the first plane.
Taps taps_of(const DepthwiseShape& s, const Planes& in) {
  const std::int64_t row = in.row_stride / in.lanes;
  Taps taps;
  for (int ky = 0; ky < s.kernel_h; ++ky)
    for (int kx = 0; kx < s.kernel_w; ++kx)
      taps.push_back({(ky * s.dilation.y - s.top) * row + kx * s.dilation.x - s.left, 0});
  return taps;
}

// NaN stays NaN.
template <class V>
V rectified(V x) {
  if constexpr (std::is_same_v<V, Vec>)
    return relu(x);
  else
    return x < 0 ? 0 : x;
}

template <class V>
void forward(const DepthwisePass& pass) {
  const DepthwiseShape& s = pass.shape;
  const Planes &in = pass.in, &out = pass.out;
  const Taps shared = taps_of(s, in);
  const std::int64_t count = std::ssize(shared);
  for_each_plane(out, [&](std::int64_t b, std::int64_t o) {
    zero_halo(out, b, o);
    Taps taps = shared;
    for (std::int64_t t = 0; t < count; ++t) taps[t].weight = pass.weights[o * count + t];
    const Pixels<V> from(in, b, o / s.each), to(out, b, o);
    const Rows<V> rows{.in = from.first,
                       .in_y = s.stride.y * from.row_step,
                       .in_x = s.stride.x,
                       .out = to.first,
                       .out_y = to.row_step,
                       .out_x = 1,
                       .rows = out.height,
                       .columns = out.width};
    const float bias = pass.bias ? pass.bias[o] : 0;
    const V* addend = pass.addend ? reinterpret_cast<const V*>(pass.addend) +
                                        (b * out.block_stride + o * out.channel_stride) / out.lanes
                                  : nullptr;
    if (addend || pass.relu)
      filter(rows, taps, bias,
             [addend, relu = pass.relu, most = splat<V>(pass.relu_limit), first = to.first](V* at,
                                                                                            V sum) {
               if (addend) sum += addend[at - first];
               if (relu) sum = rectified(sum);
               *at = sum > most ? most : sum;  // no limit: infinity
             });
    else
      filter(rows, taps, bias, [](V* at, V sum) { *at = sum; });
  });
}

// The pixels of the input at phase, phase + stride, ... in one direction, and the taps that they
// see: tap first, first + every, ... at output pixel i + shift.
struct Phase {
  struct Seen {
    int tap, shift;
  };
  Phase(int phase, int stride, int dilation, int padding, int kernel, int size)
      : pixels(size > phase ? (size - phase + stride - 1) / stride : 0) {
    for (int tap = 0; tap < kernel; ++tap)
      if (const int distance = phase + padding - tap * dilation; distance % stride == 0)
        seen.push_back({tap, distance / stride});
  }
  // How far beyond the output's ends the taps reach.
  int halo(int out_size) const {
    int most = 0;
    for (const Seen& s : seen)
      most = std::max({most, -s.shift, pixels - 1 + s.shift - out_size + 1});
    return most;
  }
  int pixels;
  std::vector<Seen, PoolAllocator<Seen>> seen;
};
using Phases = std::vector<Phase, PoolAllocator<Phase>>;

struct InputPhases {
  InputPhases(const DepthwiseShape& s, const Planes& dx, const Planes& dy) {
    for (int p = 0; p < s.stride.y; ++p)
      down.emplace_back(p, s.stride.y, s.dilation.y, s.top, s.kernel_h, dx.height);
    for (int p = 0; p < s.stride.x; ++p)
      across.emplace_back(p, s.stride.x, s.dilation.x, s.left, s.kernel_w, dx.width);
    for (const Phase& phase : down) halo = std::max(halo, phase.halo(dy.height));
    for (const Phase& phase : across) halo = std::max(halo, phase.halo(dy.width));
  }
  Phases down, across;
  int halo = 0;
};

// dx (+)= what one plane of the output's gradient gives.
void back_to_input(const DepthwiseGradientPass& pass, const InputPhases& phases,
                   const Pixels<Vec>& dy, std::int64_t block, std::int64_t o, bool add) {
  const DepthwiseShape& s = pass.shape;
  const Pixels<Vec> dx(pass.dx, block, o / s.each);
  const float* weights = pass.weights + o * s.kernel_h * s.kernel_w;
  for (int py = 0; py < s.stride.y; ++py)
    for (int px = 0; px < s.stride.x; ++px) {
      const Phase &down = phases.down[py], &across = phases.across[px];
      Taps taps;
      for (const Phase::Seen& y : down.seen)
        for (const Phase::Seen& x : across.seen)
          taps.push_back({y.shift * dy.row_step + x.shift, weights[y.tap * s.kernel_w + x.tap]});
      const Rows<Vec> rows{.in = dy.first,
                           .in_y = dy.row_step,
                           .in_x = 1,
                           .out = dx.first + py * dx.row_step + px,
                           .out_y = s.stride.y * dx.row_step,
                           .out_x = s.stride.x,
                           .rows = down.pixels,
                           .columns = across.pixels};
      if (add)
        filter(rows, taps, 0, [](Vec* to, Vec sum) { *to += sum; });
      else
        filter(rows, taps, 0, [](Vec* to, Vec sum) { *to = sum; });
    }
}

// Adds the sums of one plane to those of each tap and, last, of the bias.
template <int T>
void back_to_weights(const Taps& taps, const DepthwiseShape& s, const Pixels<Vec>& dy,
                     const Pixels<Vec>& in, int height, int width, Vec* sums) {
  const int all = T ? T : static_cast<int>(taps.size());
  for (int first = 0; first < all; first += kTaps) {
    const int count = T ? T : std::min(kTaps, all - first);
    const bool with_bias = first == 0;
    for (int y = 0; y < height; ++y) {
      Vec of_row[kTaps] = {}, bias = {};
      const Vec *d = dy.row(y), *x = in.row(std::int64_t{y} * s.stride.y);
      for (int column = 0; column < width; ++column, x += s.stride.x) {
        const Vec g = d[column];
        if (with_bias) bias += g;
#pragma GCC unroll 9
        for (int t = 0; t < count; ++t) of_row[t] += g * x[taps[first + t].offset];
      }
      for (int t = 0; t < count; ++t) sums[first + t] += of_row[t];
      if (with_bias) sums[all] += bias;
    }
  }
}

// The gradient of one plane of the output as it is, or written out with the halo that is needed.
class GradientPlane {
 public:
  GradientPlane(const OutputGradient& gradient, int halo)
      : gradient_(gradient),
        direct_(!gradient.y && gradient.dy.halo >= halo),
        full_(planes_of(nullptr, {gradient.dy.lanes, 1, gradient.dy.height, gradient.dy.width},
                        {.lanes = gradient.dy.lanes, .halo = halo})),
        scratch_(direct_ ? 0 : full_.block_stride) {
    full_.data = scratch_.data();
  }
  Pixels<Vec> at(std::int64_t block, std::int64_t channel) const {
    if (direct_) return Pixels<Vec>(gradient_.dy, block, channel);
    expand(gradient_, block, channel, full_, 0, 0);
    return Pixels<Vec>(full_, 0, 0);
  }

 private:
  const OutputGradient& gradient_;
  bool direct_;
  Planes full_;
  Scratch<float> scratch_;
};

}  // namespace

void run(const DepthwisePass& pass) {
  with_element(pass.out.lanes, [&](auto element) { forward<decltype(element)>(pass); });
}

void run(const DepthwiseGradientPass& pass) {
  const DepthwiseShape& s = pass.shape;
  const Planes& dy = pass.gradient.dy;
  const bool to_input = pass.dx.data != nullptr, to_weights = pass.dw || pass.dbias;
  const InputPhases phases(s, pass.in, dy);
  const Taps taps = taps_of(s, pass.in);
  const std::int64_t count = std::ssize(taps);
  const int halo = to_input ? phases.halo : 0;
  // Channels are independent of each other, and each is summed up by one thread.
  for_channel_groups(pass.in, [&](std::int64_t first, std::int64_t last) {
    const GradientPlane plane(pass.gradient, halo);
    const std::int64_t of_output = count + 1, of_channel = s.each * of_output;
    std::vector<Vec, PoolAllocator<Vec>> sums(
        static_cast<std::size_t>((last - first) * of_channel));
    for (std::int64_t b = 0; b < dy.blocks; ++b)
      for (std::int64_t c = first; c < last; ++c) {
        if (to_input && !pass.dx_add) zero_halo(pass.dx, b, c);
        for (int j = 0; j < s.each; ++j) {
          const std::int64_t o = c * s.each + j;
          const Pixels<Vec> gradient = plane.at(b, o);
          if (to_input) back_to_input(pass, phases, gradient, b, o, pass.dx_add || j > 0);
          if (!to_weights) continue;
          const auto add = count == kTaps ? back_to_weights<kTaps> : back_to_weights<0>;
          add(taps, s, gradient, Pixels<Vec>(pass.in, b, c), dy.height, dy.width,
              sums.data() + (c - first) * of_channel + j * of_output);
        }
      }
    const Vec* found = sums.data();
    for (std::int64_t o = first * s.each; o < last * s.each && to_weights;
         ++o, found += of_output) {
      for (std::int64_t t = 0; pass.dw && t < count; ++t) {
        float& to = pass.dw[o * count + t];
        to = sum(found[t]) + (pass.dw_add ? to : 0);
      }
      if (pass.dbias) pass.dbias[o] = sum(found[count]) + (pass.dbias_add ? pass.dbias[o] : 0);
    }
  });
}

}  // namespace espalier
