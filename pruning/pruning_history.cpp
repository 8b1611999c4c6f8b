// Pruning history: comparing what is with what was.
#include "pruning/pruning_history.h"

#include <algorithm>
#include <set>
#include <utility>

#include "layers/layers.h"

namespace espalier::pruning {
namespace {

std::int64_t sets_of(const Target& target, const layers::Origin::Layer& layer) {
  if (is_unit(target.structure)) return layer.units;
  if (target.structure != Structure::Block) return layer.weights;
  const auto blocks = [](std::int64_t size, std::int64_t block) {
    return (size + block - 1) / block;
  };
  return blocks(layer.units, target.block_rows) *
         blocks(layer.weights / layer.units, target.block_columns);
}

std::set<std::string> producers(const std::vector<Group>& groups) {
  std::set<std::string> names;
  for (const Group& group : groups) names.insert(group.producers.begin(), group.producers.end());
  return names;
}

}  // namespace

Leaving::Leaving(const layers::Model& model)
    : model_(model),
      origin_(model.origin() ? *model.origin() : layers::measure(model)),
      before_(groups(model)) {}

void Leaving::done(std::int64_t layers) {
  const std::set<std::string> left = producers(groups(model_));
  for (const Group& group : before_) {
    const auto there = [&](const std::string& name) { return left.contains(name); };
    if (!group.fixed.empty() || std::any_of(group.producers.begin(), group.producers.end(), there))
      continue;
    const auto was = origin_.layers.find(group.producers[0]);
    const std::int64_t units = was == origin_.layers.end() ? group.units : was->second.units;
    (group.structure == Structure::Filter ? origin_.left.filters : origin_.left.neurons) += units;
  }
  origin_.left.layers += layers;
  model_.set_origin(std::move(origin_));
}

std::int64_t gone(const layers::Model& model, const Target& target, const std::string& layer,
                  std::int64_t now) {
  if (!model.origin()) return 0;
  const auto was = model.origin()->layers.find(layer);
  return was == model.origin()->layers.end()
             ? 0
             : std::max<std::int64_t>(sets_of(target, was->second) - now, 0);
}

std::int64_t gone_beside(const layers::Model& model, const Target& target) {
  if (!model.origin() || !target.only.empty() || target.structure == Structure::Layer) return 0;
  const layers::Origin& origin = *model.origin();
  if (target.structure == Structure::Filter) return origin.left.filters;
  if (target.structure == Structure::Neuron) return origin.left.neurons;
  std::set<std::string> there;
  for (const layers::Node& node : model.nodes())
    if (layers::weight_of(*node.layer).defined()) there.insert(node.name());
  std::int64_t sets = 0;
  for (const auto& [name, layer] : origin.layers)
    if (!there.contains(name)) sets += sets_of(target, layer);
  return sets;
}

}  // namespace espalier::pruning
