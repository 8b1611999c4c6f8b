// NetworkMap: the layers of a network from top to bottom, how many units each has left, and which
// of them are coupled.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/charts/svg.h"

namespace espalier::charts {

struct NetworkMap {
  std::string title = {}, subtitle = {};
  struct Layer {
    std::string name = {};
    std::int64_t units = 0, left = 0;  // as it once was, and now
    std::size_t group = 0;             // layers of the same one are linked
    std::string tip = {};
  };
  std::vector<Layer> layers = {};  // in the order in which they run
};

// A bar's length is the root of the number of units: of those that are left filled, of those that
// are gone hollow.
std::string svg(const NetworkMap& map, Place place = Place::File);

}  // namespace espalier::charts
