// Products, transposes and changes of shape.
#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/gemm.h"
#include "core/kernels/planes.h"
#include "core/ops/layout.h"
#include "core/ops/map.h"
#include "core/ops/reduce.h"

namespace espalier {
namespace {

// to [columns, rows] (+)= from [rows, columns], by squares that stay in the first cache.
void transpose_to(const float* from, std::int64_t rows, std::int64_t columns, float* to, bool add) {
  constexpr std::int64_t kSquare = 32;
  const std::int64_t bands = (columns + kSquare - 1) / kSquare;  // rows of the result
  for_each(bands, kSquare * rows, [&](std::int64_t band) {
    const std::int64_t first = band * kSquare, last = std::min(first + kSquare, columns);
    for (std::int64_t begin = 0; begin < rows; begin += kSquare) {
      const std::int64_t end = std::min(begin + kSquare, rows);
      for (std::int64_t column = first; column < last; ++column)
        write_each(
            end - begin, to + column * rows + begin, add,
            [=, in = from + begin * columns + column](std::int64_t i) { return in[i * columns]; });
    }
  });
}

}  // namespace

Tensor matmul(const Tensor& given_a, const Tensor& given_b) {
  const Shape &sa = given_a.shape(), &sb = given_b.shape();
  if (sa.rank() != 2 || sb.rank() != 2 || sa[1] != sb[0])
    fail("matmul: found shapes ", sa.str(), " and ", sb.str(), ", expected [M, K] and [K, N]");
  const Tensor a = to_plain(given_a), b = to_plain(given_b);
  const std::int64_t m = sa[0], k = sa[1], n = sb[1];
  Tensor y = Tensor::empty({m, n});
  gemm(false, false, m, n, k, a.data(), k, b.data(), n, y.mutable_data(), n, false);
  return record(Op::MatMul, y, {a, b}, [a, b, m, k, n](const Tensor& dy) {
    if (GradOut da = grad_out(a))
      gemm(false, true, m, k, n, dy.data(), n, b.data(), n, da.data, k, da.add);
    if (GradOut db = grad_out(b))
      gemm(true, false, k, n, m, a.data(), k, dy.data(), n, db.data, n, db.add);
  });
}

Tensor transpose(const Tensor& given) {
  const Shape& s = given.shape();
  if (s.rank() != 2)
    fail("transpose: found a tensor of shape ", s.str(), ", expected two dimensions");
  const Tensor x = to_plain(given);
  const std::int64_t rows = s[0], columns = s[1];
  Tensor y = Tensor::empty({columns, rows});
  transpose_to(x.data(), rows, columns, y.mutable_data(), false);
  return record(Op::Transpose, y, {x}, [x, rows, columns](const Tensor& dy) {
    if (GradOut dx = grad_out(x)) transpose_to(dy.data(), columns, rows, dx.data, dx.add);
  });
}

Tensor reshape(const Tensor& given, const Shape& shape) {
  if (given.numel() != shape.numel())
    fail("reshape: found shape ", shape.str(), ", expected one of the ", given.numel(),
         " elements of ", given.shape().str());
  const Tensor x = to_plain(given);
  return record(Op::Reshape, x.view(shape), {x}, [x](const Tensor& dy) {
    if (GradOut dx = grad_out(x))
      parallel_write(x.numel(), dx.data, dx.add, [d = dy.data()](std::int64_t i) { return d[i]; });
  });
}

}  // namespace espalier
