// Large matrix products by a kernel of ours: it does not depend on what OpenBLAS finds out about
// the processor, and it takes matrices of a layer as they are.
#pragma once

#include <cstdint>

namespace espalier {

// c (+)= op(a) op(b) as gemm() has it.
struct Product {
  bool transpose_a, transpose_b;
  std::int64_t m, n, k;
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  float* c;
  std::int64_t ldc;
  bool add;
};

// Whether the blocked kernel is faster for this product than OpenBLAS.
bool suits_blocks(const Product& product);
void run_blocked(const Product& product);

}  // namespace espalier
