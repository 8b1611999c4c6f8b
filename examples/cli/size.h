// Size: what a network takes, in every unit there is, as all commands state it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "examples/cli/json.h"
#include "layers/layers.h"

namespace espalier::cli {

// The weights of all convolutions and linear layers, without biases: in the network before any
// pruning, and those that are not zero now.
struct WeightCount {
  std::int64_t original = 0, left = 0;
  double share() const;  // of the original ones, what is left
};
WeightCount count_weights(const layers::Model& model);

// "dense", "masked" or "compact".
std::string kind_of(const layers::Model& model);
// "dense", or the kind with what is left: "compact, 25.00 % of the original network's weights".
std::string state_of(const layers::Model& model);

struct Size {
  layers::Summary summary;
  std::string kind, state;
  WeightCount weights;
  std::int64_t bytes = 0;  // of the file
  layers::Footprint memory;
};
// Of a model and the file that holds it.
Size size_of(const layers::Model& model, const std::string& file);

// parameters, nonzero, macs, macs_nonzero, bytes, memory, kind, weights_original, weights_nonzero
Json json_of(const Size& size);
std::string text_of(const Size& size);

// A table: what each of these takes, and its share of the first.
std::string side_by_side(const std::vector<std::pair<std::string, Size>>& sizes);

}  // namespace espalier::cli
