// Candidates: lists of sets, what their masks say, and masks for what goes.
#include "pruning/candidates.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "layers/layers.h"

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

// ---- Groups: units as the walk through the network found them, by the layers that make them ----

using layers::ChannelWalk;

// Which group a unit of the walk is in, and which of its units it is there.
struct Place {
  std::size_t group;
  std::int32_t unit;
};
using Places = std::map<int, Place>;  // by the least unit

Group made_by(const std::vector<const ChannelWalk::Maker*>& makers, const std::string& pinned) {
  Group group{.structure = Structure::Neuron, .name = makers[0]->layer, .fixed = pinned};
  for (const ChannelWalk::Maker* maker : makers) {
    group.producers.push_back(maker->layer);
    if (maker->filters) group.structure = Structure::Filter;
  }
  return group;
}

// Units that the same layers make, and that are pinned for the same reason, are one group.
std::vector<Group> empty_groups(const ChannelWalk& walk, Places& places) {
  std::map<int, std::vector<const ChannelWalk::Maker*>> makers;  // of each unit, in their order
  for (const ChannelWalk::Maker& maker : walk.makers())
    for (const int unit : *maker.units) {
      auto& of_unit = makers[walk.find(unit)];
      if (of_unit.empty() || of_unit.back() != &maker) of_unit.push_back(&maker);
    }
  std::vector<Group> groups;
  std::map<std::pair<std::vector<const ChannelWalk::Maker*>, std::string>, std::size_t> known;
  for (const auto& [unit, of_unit] : makers) {
    const std::string& pinned = walk.pinned(unit);
    const auto [found, is_new] = known.try_emplace({of_unit, pinned}, groups.size());
    if (is_new) groups.push_back(made_by(of_unit, pinned));
    Group& group = groups[found->second];
    places[unit] = {found->second, static_cast<std::int32_t>(group.count++)};
  }
  return groups;
}

// The units of a parameter's slices or a layer's channels, for each group among them: -1 where a
// slice belongs to another one.
std::map<std::size_t, SliceUnits> by_group(const ChannelWalk& walk, const Places& places,
                                           const std::vector<int>& units) {
  std::map<std::size_t, std::vector<std::int32_t>> found;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto place = places.find(walk.find(units[i]));
    if (place == places.end()) continue;
    auto& of_group = found[place->second.group];
    of_group.resize(units.size(), -1);
    of_group[i] = place->second.unit;
  }
  std::map<std::size_t, SliceUnits> result;
  for (auto& [group, of_group] : found)
    result[group] = std::make_shared<const std::vector<std::int32_t>>(std::move(of_group));
  return result;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

const char* name(Structure structure) { return kNames[static_cast<int>(structure)]; }

Structure structure(const std::string& name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  check(found != std::end(kNames), "structure: found '", name,
        "', expected weight, block, n:m, neuron, filter or layer");
  return static_cast<Structure>(found - kNames);
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
    lists = groups(model);
    std::erase_if(lists, [&](const Group& group) {
      return group.structure != target.structure || !group.fixed.empty() ||
             !target.takes(group.producers);
    });
  } else {
    for (const layers::Node& node : model.nodes()) {
      const Parameter weight = layers::weight_of(*node.layer);
      if (weight.defined() && target.takes({node.name()}))
        lists.push_back(weights_of(node.name(), weight, target));
    }
  }
  if (target.structure != Structure::Layer)
    for (Candidates& list : lists) list.gone = gone(model, target, list.name, list.count);
  if (!lists.empty()) lists[0].gone_beside = gone_beside(model, target);
  check(!lists.empty(), model.name().empty() ? "model" : model.name(), ": found no ",
        name(target.structure), " that may be removed, expected at least one");
  return lists;
}

std::vector<Group> groups(const ChannelWalk& walk) {
  Places places;
  std::vector<Group> groups = empty_groups(walk, places);
  for (const ChannelWalk::Attached& a : walk.attached()) {
    const Shape& shape = a.parameter.dense_shape();
    std::int64_t inner = 1;
    for (int d = a.dim + 1; d < shape.rank(); ++d) inner *= shape[d];
    for (const auto& [group, units] : by_group(walk, places, *a.units))
      groups[group].members.push_back({.parameter = a.parameter,
                                       .layer = a.layer,
                                       .part = a.part,
                                       .extent = shape[a.dim],
                                       .inner = inner,
                                       .units = units,
                                       .passes = a.passes});
  }
  for (const layers::Shown& shown : walk.shown())
    for (const auto& [group, units] : by_group(walk, places, *shown.units))
      groups[group].shown_by.push_back({shown.layer, units});
  return groups;
}

std::vector<Group> groups(const layers::Model& model) { return groups(ChannelWalk(model)); }

std::string table(const std::vector<Group>& groups) {
  std::string text;
  for (const Group& group : groups) {
    std::vector<std::string> readers, norms;
    for (const Member& member : group.members) {
      if (member.part == Part::Input) readers.push_back(member.layer);
      if (member.part == Part::Scale) norms.push_back(member.layer);
    }
    text += group.name + ": " + std::to_string(group.count) + " " + name(group.structure) +
            "s of " + list_of(group.producers);
    if (!norms.empty()) text += ", with " + list_of(norms);
    if (!readers.empty()) text += ", read by " + list_of(readers);
    if (!group.fixed.empty()) text += "; fixed: " + group.fixed;
    text += "\n";
  }
  return text;
}

}  // namespace espalier::pruning
