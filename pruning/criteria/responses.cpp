// Which layer's output shows which list's units.
#include "pruning/criteria/responses.h"

#include <map>
#include <string>

#include "core/error.h"

namespace espalier::pruning {

void each_view(std::span<const Candidates> lists, Evidence& evidence,
               const std::function<void(std::size_t list, std::size_t view, const Tensor& output,
                                        const Examples& batch)>& see) {
  std::map<std::string, std::vector<std::pair<std::size_t, std::size_t>>> views;
  for (std::size_t l = 0; l < lists.size(); ++l) {
    check(!lists[l].shown_by.empty(), lists[l].name,
          ": found no layer that shows its units, expected at least one");
    for (std::size_t v = 0; v < lists[l].shown_by.size(); ++v)
      views[lists[l].shown_by[v].layer].emplace_back(l, v);
  }
  std::map<std::string, bool> ran;
  evidence.each_output(
      [&](const layers::Module& layer, const Tensor&, const Tensor& output, const Examples& batch) {
        const auto found = views.find(layer.name());
        if (found == views.end()) return;
        ran[layer.name()] = true;
        for (const auto& [l, v] : found->second) {
          const std::int64_t expected = std::ssize(*lists[l].shown_by[v].units);
          check(output.size(1) == expected, layer.name(), ": found ", output.size(1),
                " outputs, expected ", expected, " for the units of ", lists[l].name);
          see(l, v, output, batch);
        }
      });
  for (const auto& [layer, uses] : views)
    check(ran.count(layer) > 0, layer, ": found no output, expected a layer that runs");
}

}  // namespace espalier::pruning
