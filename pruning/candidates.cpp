// Lists of candidates.
#include "pruning/candidates.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "layers/layers.h"
#include "pruning/channel_groups.h"
#include "pruning/pruning_history.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Whether a target takes in what goes by one of these names.
bool wanted(const Target& target, const std::vector<std::string>& names) {
  const auto listed = [&](const std::vector<std::string>& list) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return contains(list, name); });
  };
  return (target.only.empty() || listed(target.only)) && !listed(target.leave_out);
}

Candidates weights_of(const std::string& layer, const Parameter& weight, const Target& target) {
  Candidates list{.structure = target.structure, .name = layer};
  if (target.structure != Structure::Block) {
    list.count = weight.dense_shape().numel();
    list.members = {{.parameter = weight, .layer = layer, .extent = list.count}};
    return list;
  }
  const std::int64_t rows = weight.dense_shape()[0];
  const std::int64_t columns = weight.dense_shape().numel() / rows;
  const std::int64_t across = (columns + target.block_columns - 1) / target.block_columns;
  list.count = (rows + target.block_rows - 1) / target.block_rows * across;
  list.members = {{.parameter = weight,
                   .layer = layer,
                   .extent = rows,
                   .inner = columns,
                   .span = target.block_rows,
                   .step = across,
                   .tile = target.block_columns}};
  return list;
}

Candidates layers_of(const layers::Model& model, const Target& target) {
  Candidates list{.structure = Structure::Layer, .name = "layers", .gone = removed_layers(model)};
  for (const Removable& layer : removable_layers(model)) {
    if (!wanted(target, {layer.name})) continue;
    for (const std::string& name : layer.layers) {
      struct Collect : layers::StateVisitor {
        void parameter(const std::string& name, Parameter& p, const Shape&) override {
          found.emplace_back(name, p);
        }
        std::vector<std::pair<std::string, Parameter>> found;
      } collect;
      model.find(name).state(collect);
      const bool norm = model.find(name).type() == "BatchNorm";
      for (const auto& [key, parameter] : collect.found)
        list.members.push_back({.parameter = parameter,
                                .layer = name,
                                .part = key == "weight" ? (norm ? Part::Scale : Part::Weight)
                                                        : (norm ? Part::Shift : Part::Bias),
                                .extent = 1,
                                .inner = parameter.dense_shape().numel(),
                                .first = list.count});
    }
    list.names.push_back(layer.name);
    ++list.count;
  }
  return list;
}

// A layer that has left may still be named.
void check_names(const layers::Model& model, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!model.origin() || !model.origin()->layers.contains(name)) model.find(name);
}

}  // namespace

std::vector<Candidates> candidates(const layers::Model& model, const Target& target) {
  check_names(model, target.only);
  check_names(model, target.leave_out);
  check(target.block_rows >= 1 && target.block_columns >= 1, "block: found ", target.block_rows,
        " x ", target.block_columns, ", expected at least 1 x 1");
  std::vector<Candidates> lists;
  if (target.structure == Structure::Layer) {
    lists.push_back(layers_of(model, target));
    if (lists[0].count == 0 && lists[0].gone == 0) lists.clear();
  } else if (is_unit(target.structure)) {
    for (const Group& group : groups(model))
      if (group.structure == target.structure && group.fixed.empty() &&
          wanted(target, group.producers))
        lists.push_back({.structure = target.structure,
                         .name = group.name,
                         .count = group.units,
                         .gone = gone(model, target, group.producers[0], group.units),
                         .members = group.members,
                         .shown_by = group.shown_by});
  } else {
    for (const layers::Node& node : model.nodes()) {
      const Parameter weight = layers::weight_of(*node.layer);
      if (!weight.defined() || !wanted(target, {node.name()})) continue;
      lists.push_back(weights_of(node.name(), weight, target));
      lists.back().gone = gone(model, target, node.name(), lists.back().count);
    }
  }
  if (!lists.empty()) lists[0].gone_beside = gone_beside(model, target);
  check(!lists.empty(), model.name().empty() ? "model" : model.name(), ": found no ",
        name(target.structure), " that may be removed, expected at least one");
  return lists;
}

}  // namespace espalier::pruning
