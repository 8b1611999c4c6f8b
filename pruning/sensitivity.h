// Sensitivity: how much accuracy each part of a network costs when it alone is pruned. Parts are
// the lists that a method makes: groups of coupled channels, never single layers of them, because
// one layer of a residual group cannot lose a channel by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pruning/pruner.h"

namespace espalier::pruning {

struct SensitivityOptions {
  std::vector<double> sparsities = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  std::vector<Examples> batches = {};  // for a criterion that needs data
  std::uint64_t seed = 0;
};

struct Sensitivity {
  // Shares of the sets that the list had in the original network. Where a ratio would leave fewer
  // than the scope's floor, which is 1 by default, `achieved` is the nearest one below that does
  // not.
  struct Point {
    double asked = 0, achieved = 0, accuracy = 0;
  };
  struct List {
    std::string name;
    std::int64_t sets = 0;  // in the original network
    double before = 0;      // the share of these that had gone already
    std::vector<Point> points;
  };
  double dense = 0;  // accuracy of the model as it came
  std::vector<List> lists;
};

// Prunes each list alone to each sparsity and lets the caller measure: a validation split, never
// the test pictures. `accuracy_of` gets a copy in evaluation mode, once for the model as it is and
// then once for each point; the model itself stays untouched, in every bit. Scores are those of
// the dense model, computed once; a criterion that prunes in rounds or compensates begins afresh at
// each point, with the list alone.
//
// Where no ratio decides, each list has one point, whose asked is its achieved: a layer leaves
// whole, whatever the criterion; n:m keeps its pattern; a criterion with a cut goes by that.
//
// An Error where criterion and structure make no sense together, a sparsity lies outside [0, 1), or
// the scope counts something other than sets or has ratios of its own.
Sensitivity sensitivity(const layers::Model& model, const Method& method,
                        const std::function<double(const layers::Model&)>& accuracy_of,
                        const SensitivityOptions& options = {});

// How many points that will be, the dense one apart.
std::int64_t sensitivity_points(const layers::Model& model, const Method& method,
                                const SensitivityOptions& options = {});

}  // namespace espalier::pruning
