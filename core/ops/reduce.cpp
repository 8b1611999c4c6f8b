// Reductions: sums and means, whose gradient is spread evenly, maxima, where one element takes all
// of it, and softmax.
#include "core/ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/map.h"
#include "core/ops/sums.h"

namespace espalier {
namespace {

// A tensor in row-major order as seen around one dimension: [outer, count, inner].
struct Middle {
  Middle(const Shape& shape, int dim, bool keep) : count(shape[dim]), reduced(shape) {
    for (int i = 0; i < shape.index(dim); ++i) outer *= shape[i];
    for (int i = shape.index(dim) + 1; i < shape.rank(); ++i) inner *= shape[i];
    reduced.set(dim, 1);
    if (!keep) reduced = shape.without(dim);
  }
  // All elements as the one dimension.
  explicit Middle(const Shape& shape) : Middle(Shape{shape.numel()}, 0, false) {}

  std::int64_t outer = 1, count = 1, inner = 1;
  Shape reduced;  // of one value for each [outer, inner]

  // Calls body(i, first) for each i in [outer, inner]; element k of it lies at first + k * inner.
  template <class Body>
  void for_each_line(const Body& body) const {
    for_each(outer * inner, count,
             [&](std::int64_t i) { body(i, i / inner * count * inner + i % inner); });
  }
};

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

// The sum over the middle, or its mean.
Tensor sum_or_mean(Op op, const Tensor& given, const Middle& s) {
  const std::int64_t divisor = op == Op::Mean ? s.count : 1;
  const Tensor x = to_plain(given);
  Tensor y = Tensor::empty(s.reduced);
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

// The rows of features or logits [N, K], where they lie.
struct Rows {
  explicit Rows(const Tensor& x) : data(x.data()), count(x.size(1)) {
    if (!x.layout().plain()) step = x.planes().channel_stride;
  }
  const float* at(std::int64_t row) const { return data + row * (step == 1 ? count : 1); }
  std::int64_t best(std::int64_t row) const { return first_maximum(at(row), count, step); }

  const float* data;
  std::int64_t count, step = 1;
};

Tensor maximum(const Tensor& given, const Middle& s) {
  check(s.count > 0 || s.reduced.numel() == 0, "max: found a tensor of shape ", given.shape().str(),
        ", expected at least one element to choose from");
  const Tensor x = to_plain(given);
  Tensor y = Tensor::empty(s.reduced);
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

Tensor sum(const Tensor& x) { return sum_or_mean(Op::Sum, x, Middle(x.shape())); }
Tensor sum(const Tensor& x, int dim, bool keep) {
  return sum_or_mean(Op::Sum, x, Middle(x.shape(), dim, keep));
}

Tensor mean(const Tensor& x) { return sum_or_mean(Op::Mean, x, Middle(x.shape())); }
Tensor mean(const Tensor& x, int dim, bool keep) {
  return sum_or_mean(Op::Mean, x, Middle(x.shape(), dim, keep));
}

Tensor max(const Tensor& x) { return maximum(x, Middle(x.shape())); }
Tensor max(const Tensor& x, int dim, bool keep) { return maximum(x, Middle(x.shape(), dim, keep)); }

// The largest value of a line is subtracted before the exponential, so that nothing overflows.
Tensor log_softmax(const Tensor& given, int dim) {
  const Middle s(given.shape(), dim, true);
  const Tensor x = to_plain(given);
  Tensor y = Tensor::empty(x.shape());
  const float* in = x.data();
  float* out = y.mutable_data();
  s.for_each_line([&](std::int64_t, std::int64_t first) {
    const std::int64_t end = first + s.count * s.inner;
    float largest = -std::numeric_limits<float>::infinity();
    double sum = 0;
    for (std::int64_t k = first; k < end; k += s.inner) largest = std::max(largest, in[k]);
    for (std::int64_t k = first; k < end; k += s.inner) sum += std::exp(in[k] - largest);
    const float log_sum = static_cast<float>(std::log(sum));
    for (std::int64_t k = first; k < end; k += s.inner) out[k] = in[k] - largest - log_sum;
  });
  // dx = dy - softmax * the line's sum of dy
  return record(Op::LogSoftmax, y, {x}, [x, y = y.detach(), s](const Tensor& dy) {
    const GradOut dx = grad_out(x);
    if (!dx) return;
    const float *out = y.data(), *d = dy.data();
    s.for_each_line([&](std::int64_t, std::int64_t first) {
      const std::int64_t end = first + s.count * s.inner;
      double sum = 0;
      for (std::int64_t k = first; k < end; k += s.inner) sum += d[k];
      for (std::int64_t k = first; k < end; k += s.inner) {
        const float part = d[k] - std::exp(out[k]) * static_cast<float>(sum);
        dx.data[k] = dx.add ? dx.data[k] + part : part;
      }
    });
  });
}

Tensor softmax(const Tensor& x, int dim) { return exp(log_softmax(x, dim)); }

std::vector<int> argmax(const Tensor& x) {
  const Shape& s = x.shape();
  if (s.rank() != 2 || s[1] == 0)
    fail("argmax: found a tensor of shape ", s.str(), ", expected [N, K] with K of at least 1");
  const Rows rows(x);
  std::vector<int> result(static_cast<std::size_t>(s[0]));
  for (std::int64_t row = 0; row < s[0]; ++row) result[row] = static_cast<int>(rows.best(row));
  return result;
}

std::int64_t count_correct(const Tensor& logits, std::span<const std::int32_t> labels) {
  const Shape& s = logits.shape();
  check(s.rank() == 2 && s[0] == std::ssize(labels), "count_correct: found logits of shape ",
        s.str(), ", expected [", labels.size(), ", classes]");
  const Rows rows(logits);
  std::int64_t correct = 0;
  for (std::int64_t row = 0; row < s[0]; ++row) {
    const std::int64_t best = rows.best(row);
    correct += best == labels[row] && !std::isnan(rows.at(row)[best * rows.step]);
  }
  return correct;
}

}  // namespace espalier
