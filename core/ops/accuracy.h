// How many pictures are classified right.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace espalier {

// Rows of the logits [N, K] whose largest value stands at the label; the first place counts where
// several are equal. A row that holds NaN counts as wrong.
std::int64_t count_correct(const Tensor& logits, std::span<const std::int32_t> labels);

}  // namespace espalier
