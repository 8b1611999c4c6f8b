// The weight gradient of a 3x3 convolution with the output channels in the vectors: for layers that
// fill them. The sums of many more channels then fit into the registers and the caches than where
// the images stay in the vectors and have sums of their own.
#pragma once

#include "core/kernels/conv.h"

namespace espalier {

bool suits_transposed(const WeightPass& pass);
void run_transposed(const WeightPass& pass);

}  // namespace espalier
