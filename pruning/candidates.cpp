// Candidates: lists of sets, what their masks say, and masks for what goes.
#include "pruning/candidates.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "layers/layers.h"
#include "pruning/channel_groups.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {
namespace {

// In the order of Structure.
constexpr const char* kNames[] = {"weight", "block", "n:m", "neuron", "filter", "layer"};

std::int64_t blocks(std::int64_t size, std::int64_t block) { return (size + block - 1) / block; }

// Of the weights of a layer, or the units that it makes.
std::int64_t sets_of(const Target& target, std::int64_t units, std::int64_t weights) {
  if (is_unit(target.structure)) return units;
  if (target.structure != Structure::Block) return weights;
  return blocks(units, target.block_rows) * blocks(weights / units, target.block_columns);
}

// Sets that a list had once and has no more. `now`: those it has.
std::int64_t gone(const layers::Model& model, const Target& target, const std::string& layer,
                  std::int64_t now) {
  if (!model.origin() || !model.origin()->layers.contains(layer)) return 0;
  const layers::Origin::Layer& was = model.origin()->layers.at(layer);
  return std::max<std::int64_t>(sets_of(target, was.units, was.weights) - now, 0);
}

// Sets of lists that have left whole. Nothing where a target takes in single layers only.
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
    if (!there.contains(name)) sets += sets_of(target, layer.units, layer.weights);
  return sets;
}

Candidates weights_of(const std::string& layer, const Parameter& weight, const Target& target) {
  const std::int64_t all = weight.dense_shape().numel(), rows = weight.dense_shape()[0];
  Member member{.parameter = weight, .layer = layer, .extent = all};
  if (target.structure == Structure::Block) {
    member.extent = rows;
    member.inner = all / rows;
    member.span = target.block_rows;
    member.step = blocks(member.inner, target.block_columns);
    member.tile = target.block_columns;
  }
  return {.structure = target.structure,
          .name = layer,
          .count = sets_of(target, rows, all),
          .members = {member}};
}

Candidates layers_of(const layers::Model& model, const Target& target) {
  Candidates list{.structure = Structure::Layer, .name = "layers", .gone = removed_layers(model)};
  struct Collect : layers::StateVisitor {
    explicit Collect(Candidates& list) : list(list) {}
    void parameter(const std::string& key, Parameter& p, const Shape&) override {
      const bool weight = key == "weight";
      list.members.push_back({.parameter = p,
                              .layer = layer,
                              .part = norm ? (weight ? Part::Scale : Part::Shift)
                                           : (weight ? Part::Weight : Part::Bias),
                              .extent = 1,
                              .inner = p.dense_shape().numel(),
                              .first = list.count});
    }
    Candidates& list;
    std::string layer;
    bool norm = false;
  } collect(list);
  for (const Removable& removable : removable_layers(model)) {
    if (!target.takes({removable.name})) continue;
    for (const std::string& name : removable.layers) {
      collect.layer = name;
      collect.norm = model.find(name).type() == "BatchNorm";
      model.find(name).state(collect);
    }
    list.names.push_back(removable.name);
    ++list.count;
  }
  return list;
}

}  // namespace

const char* name(Structure structure) { return kNames[static_cast<int>(structure)]; }

Structure structure(const std::string& name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  check(found != std::end(kNames), "structure: found '", name,
        "', expected weight, block, n:m, neuron, filter or layer");
  return static_cast<Structure>(found - kNames);
}

SliceUnits slice_units(std::int64_t units, std::int64_t span) {
  std::vector<std::int32_t> result;
  for (std::int64_t u = 0; u < units; ++u)
    result.insert(result.end(), span, static_cast<std::int32_t>(u));
  return std::make_shared<const std::vector<std::int32_t>>(std::move(result));
}

std::vector<std::vector<std::int64_t>> slices_by_unit(const SliceUnits& units, std::int64_t count) {
  std::vector<std::vector<std::int64_t>> result(static_cast<std::size_t>(count));
  for (std::int64_t e = 0; e < std::ssize(*units); ++e)
    if ((*units)[e] >= 0) result[(*units)[e]].push_back(e);
  return result;
}

Kept kept(const Candidates& candidates) {
  Kept result(candidates.count, 0);
  candidates.each([&](const Member& member, std::int64_t i, std::int64_t set) {
    const std::uint8_t* mask = member.parameter.mask();
    if (!mask || mask[i]) result[set] = 1;
  });
  return result;
}

std::vector<std::int64_t> sizes(const Candidates& candidates) {
  std::vector<std::int64_t> result(candidates.count, 0);
  candidates.each([&](const Member&, std::int64_t, std::int64_t set) { ++result[set]; });
  return result;
}

void remove(const Candidates& candidates, const Kept& kept) {
  check(static_cast<std::int64_t>(kept.size()) == candidates.count, candidates.name,
        ": found a selection of ", kept.size(), " sets, expected ", candidates.count);
  if (std::find(kept.begin(), kept.end(), 0) == kept.end()) return;
  for (Member member : candidates.members) {
    std::vector<std::uint8_t> mask(member.parameter.numel(), 1);
    if (const std::uint8_t* old = member.parameter.mask())
      std::copy_n(old, mask.size(), mask.data());
    bool changed = false;
    member.each([&](std::int64_t i, std::int64_t set) {
      changed |= mask[i] && !kept[set];
      mask[i] = mask[i] && kept[set];
    });
    if (changed) member.parameter.set_mask(mask);
  }
}

bool Target::takes(const std::vector<std::string>& names) const {
  const auto listed = [&](const std::vector<std::string>& list) {
    return std::find_first_of(names.begin(), names.end(), list.begin(), list.end()) != names.end();
  };
  return (only.empty() || listed(only)) && !listed(leave_out);
}

std::vector<Candidates> candidates(const layers::Model& model, const Target& target) {
  for (const auto* names : {&target.only, &target.leave_out})
    for (const std::string& name : *names)  // a layer that has left may still be named
      if (!model.origin() || !model.origin()->layers.contains(name)) model.find(name);
  check(target.block_rows >= 1 && target.block_columns >= 1, "block: found ", target.block_rows,
        " x ", target.block_columns, ", expected at least 1 x 1");
  std::vector<Candidates> lists;
  if (target.structure == Structure::Layer) {
    lists.push_back(layers_of(model, target));
    if (lists[0].count == 0 && lists[0].gone == 0) lists.clear();
  } else if (is_unit(target.structure)) {
    for (const Group& group : groups(model))
      if (group.structure == target.structure && group.fixed.empty() &&
          target.takes(group.producers))
        lists.push_back({.structure = target.structure,
                         .name = group.name,
                         .count = group.units,
                         .gone = gone(model, target, group.name, group.units),
                         .members = group.members,
                         .shown_by = group.shown_by});
  } else {
    for (const layers::Node& node : model.nodes()) {
      const Parameter weight = layers::weight_of(*node.layer);
      if (!weight.defined() || !target.takes({node.name()})) continue;
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
