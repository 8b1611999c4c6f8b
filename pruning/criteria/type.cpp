// A rule of layers' types and places, without a look at their weights.
#include <algorithm>
#include <utility>

#include "core/error.h"
#include "pruning/criteria/scoring.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {

// Neighbours of equal output shape are a stage: its second, fourth, ... layer scores 0, the others
// 1. The first is the one that comes after a change of shape.
Criterion type() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    const std::vector<Removable> layers = removable_layers(evidence.model());
    const auto shape_of = [&](const std::string& name) {
      const auto found = std::find_if(layers.begin(), layers.end(),
                                      [&](const Removable& layer) { return layer.name == name; });
      if (found == layers.end()) [[unlikely]]
        fail("criterion type: found ", name, ", expected a layer that can be removed");
      return found->shape;
    };
    std::vector<Scores> all;
    for (const Candidates& list : lists) {
      Scores scores(list.count, 1);
      int place = 0;
      for (std::int64_t set = 1; set < list.count; ++set) {
        place = shape_of(list.names[set]) == shape_of(list.names[set - 1]) ? place + 1 : 0;
        scores[set] = place % 2 ? 0 : 1;
      }
      all.push_back(scores);
    }
    return all;
  };
  Criterion made{.name = "type", .score = score};
  made.refuses = [](Structure s) -> std::string {
    return s == Structure::Layer ? "" : "found " + plural(s) + ", expected layers";
  };
  return checked(std::move(made));
}

}  // namespace espalier::pruning
