// Sums over one dimension: in double precision, in an order that depends on the shape alone.
#pragma once

#include <cstdint>

namespace espalier {

// x [outer, count, inner] -> to [outer, inner]: to = or += sum over the middle, divided by divisor.
void sum_middle(const float* x, std::int64_t outer, std::int64_t count, std::int64_t inner,
                float* to, bool add, double divisor = 1);

}  // namespace espalier
