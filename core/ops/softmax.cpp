// Softmax and its logarithm. The largest value of a line is subtracted before the exponential, so
// that nothing overflows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/middle.h"
#include "core/ops/reduce.h"

namespace espalier {

Tensor log_softmax(const Tensor& given, int dim) {
  const Middle s(given.shape(), dim);
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

}  // namespace espalier
