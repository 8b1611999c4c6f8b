// The loss of classification.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace espalier {

struct CrossEntropyOptions {
  float label_smoothing = 0;  // in [0, 1): that share of the target is spread over all classes
};

// Mean over the batch of -sum_k q_k log softmax(logits)_k, shape []. logits [N, K]; labels in
// [0, K), one an image. Label smoothing: Szegedy et al., 2016.
Tensor cross_entropy(const Tensor& logits, std::span<const std::int32_t> labels,
                     const CrossEntropyOptions& options = {});

}  // namespace espalier
