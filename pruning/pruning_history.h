// Pruning history: what has left a network for good still counts in ratios. The model's origin
// (layers/origin.h) says what there once was; here it is kept, and told for lists of candidates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pruning/channel_groups.h"

namespace espalier::pruning {

// Made before something leaves, so that the origin is that of the network before.
class Leaving {
 public:
  explicit Leaving(const layers::Model& model);
  // Afterwards. Groups that have lost every layer that made their channels are counted as left, and
  // so many layers that no identity stands for.
  void done(std::int64_t layers = 0);

 private:
  layers::Model model_;
  layers::Origin origin_;
  std::vector<Group> before_;
};

// Sets that a list had once and has no more: of the weights of a layer, or the units that it makes.
// `now`: those it has.
std::int64_t gone(const layers::Model& model, const Target& target, const std::string& layer,
                  std::int64_t now);

// Sets of lists that have left whole. Nothing where a target takes in single layers only.
std::int64_t gone_beside(const layers::Model& model, const Target& target);

}  // namespace espalier::pruning
