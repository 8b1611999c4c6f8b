// The weight gradient of a 3x3 convolution with few input channels, as the first layer of a network
// is.
#pragma once

#include "core/kernels/conv.h"

namespace espalier {

// Whether so few taps read each value of the output's gradient that gathering it would not pay.
bool suits_few(const WeightPass& pass);
void run_few(const WeightPass& pass);

}  // namespace espalier
