// Where a NaN or an infinity comes from: for the message that ends a training.
#pragma once

#include <string>

#include "layers/model.h"

namespace espalier::layers {

// The first thing that is not finite, in the order the layers run: "the input", a parameter
// ("conv1.weight"), or a layer whose output is not ("conv1"). Empty where everything is finite.
// Runs a copy of the model, in its mode: statistics and generators stay as they are.
std::string first_nonfinite(const Model& model, const Tensor& input);

// The first parameter or running statistic with a value that is not finite; empty where all are.
std::string first_nonfinite(const Model& model);

}  // namespace espalier::layers
