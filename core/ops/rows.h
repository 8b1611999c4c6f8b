// Rows of features in lanes: what the fully connected layers do with their bias.
#pragma once

#include <cstdint>

#include "core/autograd.h"

namespace espalier {

// The sum of each row of dy [rows][columns]: what the bias receives. Padding lanes hold zeros.
void add_rows(const float* dy, std::int64_t rows, std::int64_t columns, const GradOut& to);

}  // namespace espalier
