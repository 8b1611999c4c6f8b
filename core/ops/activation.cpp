// Activations and dropout: what is compared is written so that NaN stays NaN and zeros of a halo
// stay zeros. exp and the logistic function are in plain arithmetic, which compilers turn into
// vectors: calls of the library's exp, one an element, would take longer than the convolution
// before.
#include "core/ops/activation.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/map.h"

namespace espalier {
namespace {

// exp(x) for x <= 0, with an error of about one in the last place; 0 below the smallest normal
// number. 2^n times the series of exp on [-log(2) / 2, log(2) / 2].
inline float exp_of_negative(float x) {
  constexpr float kRound = 0x1.8p23f;  // added, it leaves the nearest whole number in the low bits
  constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;  // their sum is log(2)
  const float shifted = x * std::numbers::log2e_v<float> + kRound;
  const float n = shifted - kRound;
  const float r = x - n * kLog2High - n * kLog2Low;
  float series = 1 / 5040.0f;
  for (const float factorial : {720.0f, 120.0f, 24.0f, 6.0f, 2.0f, 1.0f, 1.0f})
    series = series * r + 1 / factorial;
  const auto exponent = std::bit_cast<std::uint32_t>(shifted) << 23;
  const float power = std::bit_cast<float>(exponent + std::bit_cast<std::uint32_t>(1.0f));
  return x < -87.3f ? 0 : series * power;  // NaN stays NaN
}

// 1 / (1 + exp(-x))
inline float logistic(float x) {
  const float e = exp_of_negative(-std::abs(x));
  return (x < 0 ? e : 1.0f) / (1 + e);
}

struct Normal {
  float density, distribution;
};

// Press, Teukolsky, Vetterling and Flannery, Numerical Recipes, section 6.2: erfc(z) for z >= 0 as
// t exp(-z^2 + a polynomial of t), with a relative error below 1.2e-7 also where it is tiny.
inline Normal normal(float x) {
  const float z = std::abs(x) * (std::numbers::sqrt2_v<float> / 2);
  const float t = 1 / (1 + 0.5f * z);
  float polynomial = 0.17087277f;
  for (const float coefficient :
       {-0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f, 0.09678418f,
        0.37409196f, 1.00002368f, -1.26551223f})
    polynomial = polynomial * t + coefficient;
  const float square = exp_of_negative(-0.5f * x * x);
  const float tail = 0.5f * t * square * exp_of_negative(polynomial);
  return {square * 0.39894228f, x < 0 ? tail : 1 - tail};
}

// Dropout. Each element's choice is a random number of its own, computed from one key and the
// element's place in row-major order: it depends on neither layout nor threads, and the way back
// computes it again instead of keeping a mask.
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

Tensor relu(const Tensor& x) {
  return map(
      Op::Relu, x, [](float v) { return v < 0 ? 0 : v; },
      [](float d, float v, float) { return v > 0 ? d : 0; });
}

Tensor relu6(const Tensor& x) {
  return map(
      Op::Relu6, x, [](float v) { return v < 0   ? 0.0f
                                         : v > 6 ? 6.0f
                                                 : v; },
      [](float d, float v, float) { return v > 0 && v < 6 ? d : 0; });
}

Tensor sigmoid(const Tensor& x) {
  Tensor y = map(
      Op::Sigmoid, x, [](float v) { return logistic(v); },
      [](float d, float, float y) { return d * (y * (1 - y)); });
  if (!y.layout().plain()) {  // of a zero it is 0.5
    const Planes planes = y.planes();
    for_each_plane(planes, [&](std::int64_t b, std::int64_t c) { zero_halo(planes, b, c); });
  }
  return y;
}

Tensor silu(const Tensor& x) {
  return map(
      Op::Silu, x, [](float v) { return v * logistic(v); },
      [](float d, float v, float) {
        const float s = logistic(v);
        return d * (s * (1 + v * (1 - s)));
      });
}

Tensor leaky_relu(const Tensor& x, float slope) {
  return map(
      Op::LeakyRelu, x, [slope](float v) { return v < 0 ? slope * v : v; },
      [slope](float d, float v, float) { return v > 0 ? d : slope * d; });
}

Tensor gelu(const Tensor& x) {
  return map(
      Op::Gelu, x, [](float v) { return v * normal(v).distribution; },
      [](float d, float v, float) {
        const Normal at = normal(v);
        return d * (at.distribution + v * at.density);
      });
}

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
