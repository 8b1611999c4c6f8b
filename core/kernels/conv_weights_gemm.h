// The weight gradient of a convolution on tiny planes as one matrix product.
#pragma once

#include "core/kernels/conv.h"

namespace espalier {

// Whether the planes are so small that the product is faster than the direct kernel, which adds up
// its lanes once for every weight: that has to pay over many positions.
bool suits_gemm(const WeightPass& pass);
void run_gemm(const WeightPass& pass);

}  // namespace espalier
