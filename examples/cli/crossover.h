// Crossover: the density at which a sparse layer stops being faster than the dense one.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace espalier::cli {

struct CrossoverPoint {
  double density, dense_ms, sparse_ms;
};

// Where the line through the times' ratio first crosses 1, going up from the sparsest; nothing
// where it does not cross between the densities measured. The points go up in density.
std::optional<double> break_even(const std::vector<CrossoverPoint>& points);

// What the measurements say, and no more: "sparse is faster below 43 % density".
std::string verdict(const std::vector<CrossoverPoint>& points);

}  // namespace espalier::cli
