// Matrix products: the choice, and OpenBLAS, which is called single-threaded: two products on two
// cores scale almost perfectly, one threaded product does not.
#include "core/kernels/gemm.h"

#include <cblas.h>

#include <algorithm>

#include "core/error.h"
#include "core/kernels/blas_call.h"
#include "core/kernels/gemm_blocked.h"
#include "core/parallel.h"

namespace espalier {

void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float* c,
          std::int64_t ldc, bool add) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;  // BLAS counts in 32 bits
  check(m < kMost && n < kMost && k < kMost && lda < kMost && ldb < kMost && ldc < kMost,
        "matmul: found ", m, " x ", k, " times ", k, " x ", n, ", expected sides below 2^31");
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (!add)
      for (std::int64_t i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, 0.0f);
    return;
  }
  const Product product{transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, add};
  if (suits_blocks(product)) return run_blocked(product);
  const auto ta = transpose_a ? CblasTrans : CblasNoTrans;
  const auto tb = transpose_b ? CblasTrans : CblasNoTrans;
  // A part has enough to do to pay for its thread.
  constexpr double kPart = 1 << 17;  // multiply-adds
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const bool by_rows = m >= n;
  const std::int64_t side = by_rows ? m : n;
  const std::int64_t parts = std::clamp<std::int64_t>(static_cast<std::int64_t>(work / kPart), 1,
                                                      std::min<std::int64_t>(num_threads(), side));
  const BlasUse use(static_cast<int>(parts));
  parallel_ranges(side, (side + parts - 1) / parts, [&](std::int64_t begin, std::int64_t end) {
    const SingleThreadedBlas alone;
    const int count = static_cast<int>(end - begin);
    const float* const a_part = by_rows ? a + begin * (transpose_a ? 1 : lda) : a;
    const float* const b_part = by_rows ? b : b + begin * (transpose_b ? ldb : 1);
    float* const c_part = c + begin * (by_rows ? ldc : 1);
    if (n == 1 && ldc == 1)  // a product with one column is faster as a matrix times a vector
      cblas_sgemv(CblasRowMajor, ta, static_cast<int>(transpose_a ? k : count),
                  static_cast<int>(transpose_a ? count : k), 1, a_part, static_cast<int>(lda), b,
                  static_cast<int>(transpose_b ? 1 : ldb), add, c_part, 1);
    else
      cblas_sgemm(CblasRowMajor, ta, tb, by_rows ? count : static_cast<int>(m),
                  by_rows ? static_cast<int>(n) : count, static_cast<int>(k), 1, a_part,
                  static_cast<int>(lda), b_part, static_cast<int>(ldb), add, c_part,
                  static_cast<int>(ldc));
  });
}

}  // namespace espalier
