// Candidates: the lists of sets that a model offers for a structure.
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"
#include "pruning/sets.h"

namespace espalier::pruning {

// The lists of a model. Weights are those of convolutions and linears, without their biases; units
// are those of groups that may lose some. An Error where a layer does not exist, or nothing is
// left.
std::vector<Candidates> candidates(const layers::Model& model, const Target& target);

}  // namespace espalier::pruning
