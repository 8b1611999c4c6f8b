// Matrix products, in one place: a kernel of ours for the large ones, where it was measured faster,
// OpenBLAS for all others.
#pragma once

#include <cstdint>

namespace espalier {

// c (+)= op(a) op(b), row-major: c [m, n], op(a) [m, k], op(b) [k, n]; op transposes where asked,
// and the leading dimensions are those of the matrices as stored. Parallel inside: each thread
// computes some rows or columns of c with a single-threaded product. An Error where OpenBLAS finds
// no memory.
void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float* c,
          std::int64_t ldc, bool add);

}  // namespace espalier
