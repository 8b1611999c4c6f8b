// Batch normalisation, in lanes: y = (x - mean) / sqrt(var + eps) * weight + bias for each channel.
// Both ways are bound by memory. Forward reads x once for the statistics and once to normalise; the
// way back reads x and dy once for two sums and once to write dx.
#include "core/ops/norm.h"

#include <array>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/moments.h"
#include "core/ops/layout.h"
#include "core/parameter.h"

namespace espalier {
namespace {

// Old statistics may be far larger than new ones, so that old + share (fresh - old) would lose
// them.
float blend(double old, double fresh, double share) {
  return static_cast<float>((1 - share) * old + share * fresh);
}

// What happens to one channel.
struct Channel {
  float mean, invstd, weight, bias;
  bool relu;
  float limit;  // of the ReLU

  template <class V>
  V normalise(V x) const {
    return (x - mean) * (invstd * weight) + bias;
  }
  template <class V>
  V forward(V x) const {
    const V y = normalise(x);
    if (!relu) return y;
    const V most = splat<V>(limit), cut = y < 0 ? V{} : y;  // NaN stays NaN
    return cut > most ? most : cut;
  }
  // The gradient before the ReLU.
  template <class V>
  V backward(V x, V dy) const {
    if (!relu) return dy;
    const V y = normalise(x);
    const V below = y < splat<V>(limit) ? dy : V{};
    return y > 0 ? below : V{};
  }
};

// Planes without a halo, of few pixels, are one row each: loops begin and end less often.
template <class... P>
void join_rows(P&... planes) {
  constexpr int kMost = 64;  // pixels; longer sums lose digits
  if (!(... && (planes.halo == 0 && planes.height * planes.width <= kMost))) return;
  (..., (planes.width *= planes.height, planes.height = 1,
         planes.row_stride = std::int64_t{planes.width} * planes.lanes));
}

template <class V>
void write_output(const Planes& x, const Planes& y, std::int64_t b, std::int64_t c,
                  const Channel& channel) {
  zero_halo(y, b, c);
  const auto live = live_lanes<V>(x, b);
  for (std::int64_t row = 0; row < x.height; ++row) {
    const V* in = Pixels<V>(x, b, c).row(row);
    V* out = Pixels<V>(y, b, c).row(row);
    for (std::int64_t i = 0; i < x.width; ++i) out[i] = live ? channel.forward(in[i]) : V{};
  }
}

struct Sums {
  double g = 0;           // of the gradients before the ReLU: the gradient of the bias
  double g_distance = 0;  // of those times x - mean
};

// Adds those of one plane.
template <class V>
void add_gradient_sums(const Planes& x, const Planes& dy, std::int64_t b, std::int64_t c,
                       const Channel& channel, Sums& sums) {
  V total = {}, product = {};
  for (std::int64_t row = 0; row < x.height; ++row) {
    const V* in = Pixels<V>(x, b, c).row(row);
    const V* d = Pixels<V>(dy, b, c).row(row);
    V row_total = {}, row_product = {};
    for (std::int64_t i = 0; i < x.width; ++i) {
      const V g = channel.backward(in[i], d[i]);
      row_total += g;
      row_product += g * (in[i] - channel.mean);
    }
    total += row_total;
    product += row_product;
  }
  sums.g += sum(total);  // gradients in padding lanes are zero
  sums.g_distance += sum(product);
}

// dx (+)= weight * invstd * (g - mean_g - (x - mean) * slope): in training, mean and variance
// depend on x too, which takes from g its part along 1 and its part along x.
template <class V>
void write_dx(const Planes& x, const Planes& dy, const Planes& dx, bool add, std::int64_t b,
              std::int64_t c, const Channel& channel, float mean_g, float slope) {
  const float scale = channel.weight * channel.invstd;
  if (!add) zero_halo(dx, b, c);
  const auto live = live_lanes<V>(x, b);
  for (std::int64_t row = 0; row < x.height; ++row) {
    const V* in = Pixels<V>(x, b, c).row(row);
    const V* d = Pixels<V>(dy, b, c).row(row);
    V* out = Pixels<V>(dx, b, c).row(row);
    for (std::int64_t i = 0; i < x.width; ++i) {
      const V g = channel.backward(in[i], d[i]);
      const V part = scale * (g - mean_g - (in[i] - channel.mean) * slope);
      out[i] = (add ? out[i] : V{}) + (live ? part : V{});
    }
  }
}

void check_arguments(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const Tensor& running_mean, const Tensor& running_var, bool training) {
  const Shape& s = x.shape();
  if (s.rank() != 4 && s.rank() != 2)
    fail("batch_norm: found a tensor of shape ", s.str(),
         ", expected images [N, C, H, W] or features [N, C]");
  const auto one_a_channel = [&s](const char* what, const Tensor& tensor) {
    if (!tensor.defined() || tensor.shape() != Shape{s[1]})
      fail("batch_norm: found a ", what, " of shape ",
           tensor.defined() ? tensor.shape().str() : "none", ", expected [", s[1],
           "] for an input of shape ", s.str());
  };
  one_a_channel("weight", weight);
  one_a_channel("bias", bias);
  one_a_channel("running mean", running_mean);
  one_a_channel("running variance", running_var);
  const std::int64_t values = s[1] == 0 ? 0 : s.numel() / s[1];
  check(!training || values > 1, "batch_norm: found ", values,
        " values a channel in training, expected more than one");
}

// (+)= value, or zero where the mask removes it.
void put(const GradOut& gradient, const std::uint8_t* mask, std::int64_t i, double value) {
  if (!gradient) return;
  float& place = gradient.data[i];
  const float sum = (gradient.add ? place : 0) + static_cast<float>(value);
  place = mask && !mask[i] ? 0 : sum;
}

}  // namespace

Tensor batch_norm(const Tensor& given, const Tensor& weight, const Tensor& bias,
                  Tensor running_mean, Tensor running_var, const BatchNormOptions& options) {
  check_arguments(given, weight, bias, running_mean, running_var, options.training);
  const Tensor x = to_lanes(given);
  const bool images = x.shape().rank() == 4;
  check(options.halo >= 0, "batch_norm: found a halo of ", options.halo, ", expected 0 or more");
  Tensor y =
      Tensor::empty(x.shape(), {.lanes = x.layout().lanes,
                                .halo = images ? halo_of(x.size(2), x.size(3), options.halo) : 0});
  Tensor mean = Tensor::empty(weight.shape()), invstd = Tensor::empty(weight.shape());
  float* const means = mean.mutable_data();
  float* const invstds = invstd.mutable_data();
  // In evaluation they are only read: what others derive from them stays good.
  const bool training = options.training;
  float* const gathered_mean = training ? running_mean.mutable_data() : nullptr;
  float* const gathered_var = training ? running_var.mutable_data() : nullptr;
  const float *const running_means = running_mean.data(), *const running_vars = running_var.data();
  Planes in = x.planes(), out = y.planes();
  join_rows(in, out);
  const auto channel_of = [=, relu = options.relu, limit = options.relu_limit](std::int64_t c) {
    return Channel{mean.data()[c], invstd.data()[c], weight.data()[c], bias.data()[c], relu, limit};
  };

  with_element(in.lanes, [&](auto element) {
    using V = decltype(element);
    for_channel_groups(in, [&](std::int64_t first, std::int64_t last) {
      std::array<Moments, kMostChannels> batch;
      if (training)
        for (std::int64_t b = 0; b < in.blocks; ++b)
          for (std::int64_t c = first; c < last; ++c)
            batch[c - first].join(plane_moments<V>(in, b, c));
      for (std::int64_t c = first; c < last; ++c) {
        double center = running_means[c], variance = running_vars[c];
        if (training) {
          const Moments& found = batch[c - first];
          center = found.mean;
          variance = found.squares / found.count;
          const double unbiased = found.squares / (found.count - 1);
          gathered_mean[c] = blend(running_means[c], center, options.momentum);
          gathered_var[c] = blend(running_vars[c], unbiased, options.momentum);
        }
        means[c] = static_cast<float>(center);
        invstds[c] = static_cast<float>(1 / std::sqrt(variance + options.eps));
      }
      for (std::int64_t b = 0; b < in.blocks; ++b)
        for (std::int64_t c = first; c < last; ++c) write_output<V>(in, out, b, c, channel_of(c));
    });
  });

  const auto back = [=, training = options.training](const Tensor& dy) {
    const GradOut dx_out = grad_out(x), dweight = grad_out(weight, true),
                  dbias = grad_out(bias, true);
    Planes in = x.planes(), d = dy.planes(), dx = planes_of(dx_out.data, x.shape(), x.layout());
    const std::uint8_t *weight_mask = gradient_mask(weight), *bias_mask = gradient_mask(bias);
    // In evaluation, mean and variance are constants.
    const double share = training ? 1 / (static_cast<double>(in.images) * in.height * in.width) : 0;
    join_rows(in, d, dx);
    with_element(in.lanes, [&](auto element) {
      using V = decltype(element);
      for_channel_groups(in, [&](std::int64_t first, std::int64_t last) {
        std::array<Sums, kMostChannels> found;
        for (std::int64_t b = 0; b < in.blocks; ++b)
          for (std::int64_t c = first; c < last; ++c)
            add_gradient_sums<V>(in, d, b, c, channel_of(c), found[c - first]);
        for (std::int64_t c = first; c < last; ++c) {
          put(dweight, weight_mask, c, found[c - first].g_distance * channel_of(c).invstd);
          put(dbias, bias_mask, c, found[c - first].g);
        }
        for (std::int64_t b = 0; b < in.blocks && dx_out; ++b)
          for (std::int64_t c = first; c < last; ++c) {
            const Channel channel = channel_of(c);
            const Sums& sums = found[c - first];
            const double slope = sums.g_distance * channel.invstd * channel.invstd * share;
            write_dx<V>(in, d, dx, dx_out.add, b, c, channel, static_cast<float>(sums.g * share),
                        static_cast<float>(slope));
          }
      });
    });
  };
  return record(Op::BatchNorm, y, {x, weight, bias}, back);
}

}  // namespace espalier
