// Reductions, products and changes of shape, in row-major order (tensors in lanes are brought there
// first, on the tape).
#pragma once

#include <span>

#include "core/tensor.h"

namespace espalier {

Tensor sum(const Tensor& x);  // of all elements, shape []
Tensor mean(const Tensor& x);
Tensor max(const Tensor& x);  // the first maximum takes the gradient
// Over one dimension, which is kept with size 1 where keep is set.
Tensor sum(const Tensor& x, int dim, bool keep = false);
Tensor mean(const Tensor& x, int dim, bool keep = false);
Tensor max(const Tensor& x, int dim, bool keep = false);
Tensor log_softmax(const Tensor& x, int dim = -1);
Tensor softmax(const Tensor& x, int dim = -1);  // exp of log_softmax

Tensor matmul(const Tensor& a, const Tensor& b);  // [M, K] [K, N] -> [M, N]
Tensor transpose(const Tensor& x);                // [M, N] -> [N, M]
Tensor reshape(const Tensor& x, const Shape& shape);

// The index of the largest element of each row of [N, K]; the first where several are.
std::vector<int> argmax(const Tensor& x);
// How many rows of the logits [N, K] have their largest value at the label; the first place counts
// where several are equal. A row that holds NaN counts as wrong.
std::int64_t count_correct(const Tensor& logits, std::span<const std::int32_t> labels);

}  // namespace espalier
