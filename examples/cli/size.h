// Size: what a network takes, in every unit there is, as all commands state it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "examples/cli/json.h"
#include "layers/layers.h"

namespace espalier::cli {

struct Size {
  layers::Summary summary;
  std::int64_t bytes = 0;  // of the file
  layers::Footprint memory;
};
// Of a model and the file that holds it.
Size size_of(const layers::Model& model, const std::string& file);

// parameters, nonzero, macs, macs_nonzero, bytes, memory
Json json_of(const Size& size);
std::string text_of(const Size& size);

// A table: what each of these takes, and its share of the first.
std::string side_by_side(const std::vector<std::pair<std::string, Size>>& sizes);

}  // namespace espalier::cli
