// Histogram: how values are spread, of several sets over one axis; the first as an area, the others
// as lines above it. A small picture, of which many make a panel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/charts/svg.h"

namespace espalier::charts {

struct Histogram {
  std::string title = {}, subtitle = {};
  double limit = 1;  // bins reach from -limit to limit; what lies beyond is in the outermost
  struct Set {
    std::string name = {};
    std::size_t colour = 0;
    std::vector<std::int64_t> counts = {};  // of bins, equally many in every set
  };
  std::vector<Set> sets = {};
};

// Counts of `bins` equal bins. Values that are exactly zero are left out: what pruning removed
// would hide everything else.
std::vector<std::int64_t> counts(const float* values, std::int64_t size, double limit, int bins);

std::string svg(const Histogram& histogram, Place place = Place::File);

}  // namespace espalier::charts
