// The fully connected layer: three matrix products on features with the images innermost.
#include "core/ops/linear.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/gemm.h"
#include "core/ops/layout.h"
#include "core/ops/sparse_linear.h"
#include "core/ops/sums.h"
#include "core/parameter.h"

namespace espalier {
namespace {

void fill_rows(float* y, const float* bias, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t o = 0; o < rows; ++o) std::fill_n(y + o * columns, columns, bias[o]);
}

}  // namespace

Tensor linear(const Tensor& given, const Tensor& weight, const Tensor& bias) {
  if (const Pattern& pattern = csr_pattern(weight))
    return sparse_linear(given, weight, pattern, bias);
  const Shape &w = weight.shape(), &shape = given.shape();
  check(w.rank() == 2, "linear: found weight of shape ", w.str(), ", expected [O, I]");
  check(shape.rank() == 2 && shape[1] == w[1], "linear: found input of shape ", shape.str(),
        ", expected [N, ", w[1], "]");
  check(!bias.defined() || bias.shape() == Shape{w[0]}, "linear: found bias of shape ",
        bias.defined() ? bias.shape().str() : "", ", expected [", w[0], "]");
  const Tensor x = to_lanes(given);
  const std::int64_t inputs = w[1], outputs = w[0];
  const std::int64_t columns = x.storage_size() / std::max<std::int64_t>(inputs, 1);

  Tensor y = Tensor::empty({shape[0], outputs}, x.layout());
  if (bias.defined()) fill_rows(y.mutable_data(), bias.data(), outputs, columns);
  gemm(false, false, outputs, columns, inputs, weight.data(), inputs, x.data(), columns,
       y.mutable_data(), columns, bias.defined());

  return record(Op::Linear, y, {x, weight, bias}, [=](const Tensor& dy) {
    if (GradOut dx = grad_out(x))
      gemm(true, false, inputs, columns, outputs, weight.data(), inputs, dy.data(), columns,
           dx.data, columns, dx.add);
    if (GradOut dw = grad_out(weight))
      gemm(false, true, outputs, inputs, columns, dy.data(), columns, x.data(), columns, dw.data,
           inputs, dw.add);
    if (GradOut db = grad_out(bias)) sum_middle(dy.data(), outputs, columns, 1, db.data, db.add);
  });
}

}  // namespace espalier
