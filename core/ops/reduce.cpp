// Reductions: sums and means, whose gradient is spread evenly, and maxima, where one element takes
// all of it.
#include "core/ops/reduce.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/map.h"
#include "core/ops/middle.h"
#include "core/ops/sums.h"

namespace espalier {
namespace {

// dx [outer, count, inner] (+)= share * dy [outer, inner]
void spread(const float* dy, const Middle& s, float share, const GradOut& dx) {
  if (s.inner == 1)
    return for_each(s.outer, s.count, [&](std::int64_t o) {
      write_each(s.count, dx.data + o * s.count, dx.add,
                 [d = share * dy[o]](std::int64_t) { return d; });
    });
  for_each(s.outer * s.count, s.inner, [&](std::int64_t row) {
    write_each(s.inner, dx.data + row * s.inner, dx.add,
               [share, d = dy + row / s.count * s.inner](std::int64_t i) { return share * d[i]; });
  });
}

// The sum over the middle, divided by a divisor.
Tensor divided_sum(Op op, const Tensor& given, const Middle& s, const Shape& shape,
                   std::int64_t divisor) {
  const Tensor x = to_plain(given);
  Tensor y = Tensor::empty(shape);
  sum_middle(x.data(), s.outer, s.count, s.inner, y.mutable_data(), false,
             static_cast<double>(divisor));
  return record(op, y, {x}, [x, s, share = 1 / static_cast<float>(divisor)](const Tensor& dy) {
    if (GradOut dx = grad_out(x)) spread(dy.data(), s, share, dx);
  });
}

// The place of the first maximum; NaN counts as the largest.
std::int64_t first_maximum(const float* x, std::int64_t count, std::int64_t step) {
  std::int64_t best = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const float value = x[k * step];
    if (value != value) return k;
    if (value > x[best * step]) best = k;
  }
  return best;
}

Tensor maximum(const Tensor& given, const Middle& s, const Shape& shape) {
  check(s.count > 0 || shape.numel() == 0, "max: found a tensor of shape ", given.shape().str(),
        ", expected at least one element to choose from");
  const Tensor x = to_plain(given);
  Tensor y = Tensor::empty(shape);
  std::vector<std::int64_t, PoolAllocator<std::int64_t>> from(
      static_cast<std::size_t>(y.numel()));  // where in x each maximum lies
  const float* in = x.data();
  float* out = y.mutable_data();
  s.for_each_line([&](std::int64_t i, std::int64_t first) {
    from[i] = first + first_maximum(in + first, s.count, s.inner) * s.inner;
    out[i] = in[from[i]];
  });
  return record(Op::Max, y, {x}, [x, from = std::move(from)](const Tensor& dy) {
    GradOut dx = grad_out(x);
    if (!dx) return;
    if (!dx.add) parallel_write(x.numel(), dx.data, false, [](std::int64_t) { return 0.0f; });
    for (std::size_t i = 0; i < from.size(); ++i) dx.data[from[i]] += dy.data()[i];
  });
}

}  // namespace

Tensor sum(const Tensor& x) { return divided_sum(Op::Sum, x, Middle::all(x.shape()), {}, 1); }
Tensor sum(const Tensor& x, int dim, bool keep) {
  return divided_sum(Op::Sum, x, Middle(x.shape(), dim), Middle::reduced(x.shape(), dim, keep), 1);
}

Tensor mean(const Tensor& x) {
  return divided_sum(Op::Mean, x, Middle::all(x.shape()), {}, x.numel());
}
Tensor mean(const Tensor& x, int dim, bool keep) {
  return divided_sum(Op::Mean, x, Middle(x.shape(), dim), Middle::reduced(x.shape(), dim, keep),
                     x.size(dim));
}

Tensor max(const Tensor& x) { return maximum(x, Middle::all(x.shape()), {}); }
Tensor max(const Tensor& x, int dim, bool keep) {
  return maximum(x, Middle(x.shape(), dim), Middle::reduced(x.shape(), dim, keep));
}

std::vector<int> argmax(const Tensor& x) {
  const Shape& s = x.shape();
  if (s.rank() != 2 || s[1] == 0)
    fail("argmax: found a tensor of shape ", s.str(), ", expected [N, K] with K of at least 1");
  const bool plain = x.layout().plain();
  const std::int64_t row_step = plain ? s[1] : 1;
  const std::int64_t step = plain ? 1 : x.planes().channel_stride;
  std::vector<int> result(static_cast<std::size_t>(s[0]));
  for (std::int64_t row = 0; row < s[0]; ++row)
    result[row] = static_cast<int>(first_maximum(x.data() + row * row_step, s[1], step));
  return result;
}

}  // namespace espalier
