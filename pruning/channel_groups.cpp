// Channel groups: units as the walk through the network found them, sorted by the layers that make
// them.
#include "pruning/channel_groups.h"

#include <map>
#include <utility>

namespace espalier::pruning {
namespace {

using layers::ChannelWalk;

// Which group a unit of the walk is in, and which of its units it is there.
struct Place {
  std::size_t group;
  std::int32_t unit;
};
using Places = std::map<int, Place>;  // by the least unit

Group made_by(const std::vector<const ChannelWalk::Maker*>& makers, const std::string& pinned) {
  Group group{.name = makers[0]->layer, .fixed = pinned};
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
    places[unit] = {found->second, static_cast<std::int32_t>(group.units++)};
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
    text += group.name + ": " + std::to_string(group.units) + " " + name(group.structure) +
            "s of " + list_of(group.producers);
    if (!norms.empty()) text += ", with " + list_of(norms);
    if (!readers.empty()) text += ", read by " + list_of(readers);
    if (!group.fixed.empty()) text += "; fixed: " + group.fixed;
    text += "\n";
  }
  return text;
}

}  // namespace espalier::pruning
