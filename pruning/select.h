// Selection: against whom a set competes, and how much goes. Ratios are those of the network as it
// was in the beginning, where what is gone already counts, unless a Base says of what else.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

// What a ratio counts: the sets that were listed (weights, filters, ...), or the weights or
// multiply-adds of all convolutions and linear layers of the network.
enum class Count { Sets, Weights, Macs };

// What each list's scores are divided by before lists are compared: nothing, their mean, or the
// root of the sum of their squares.
enum class Normalise { None, Mean, Norm };

// A network that ratios are shares of: what had been pruned from the original one by then, as a
// share of all and of each list.
struct Base {
  double pruned = 0;
  std::map<std::string, double> lists = {};

  // Between a ratio of what was left then and the same of the original network.
  double to_original(double ratio) const { return 1 - (1 - pruned) * (1 - ratio); }
  double from_original(double ratio) const {
    return pruned < 1 ? std::max(0.0, 1 - (1 - ratio) / (1 - pruned)) : 0;
  }
};

struct Scope {
  bool global = false;  // one ranking over all lists; else the same ratio in each
  Normalise normalise = Normalise::None;
  Count count = Count::Sets;
  std::map<std::string, double> ratios =
      {};                  // of single lists, by name, in place of the common one
  std::int64_t floor = 1;  // sets that every list keeps at least
  Base base = {};          // what ratios are of; as it is here, the original network
};

struct Selection {
  std::vector<Kept> kept;  // of each list
  double achieved = 0;     // ratio of what is gone, counted as the scope says
};

// The share of the original network that is gone now.
double sparsity(const layers::Model& model, std::span<const Candidates> lists, Count count);
// What there is now, to be the base of ratios.
Base base_of(const layers::Model& model, std::span<const Candidates> lists, Count count);
// How many there were in the original network of what is counted.
double original_count(const layers::Model& model, std::span<const Candidates> lists, Count count);

// Which sets stay so that `sparsity`, in [0, 1), of all is gone: the lowest scores go, of equal
// ones the first. An Error where a ratio makes no sense, a list would be left with fewer than it
// keeps, or a score is no number.
Selection select(const layers::Model& model, std::span<const Candidates> lists,
                 std::span<const Scores> scores, double sparsity, const Scope& scope = {});

// Keeps the n highest of every m neighbours in a row of the weight seen as [O, C K K] (Mishra et
// al., 2021: 2:4). A rest of r < m neighbours keeps ceil(n r / m).
Selection select_pattern(std::span<const Candidates> lists, std::span<const Scores> scores, int n,
                         int m);

// Keeps what scores at least `cut`, and of every list the `floor` best.
Selection select_above(std::span<const Candidates> lists, std::span<const Scores> scores,
                       double cut, std::int64_t floor = 1);

}  // namespace espalier::pruning
