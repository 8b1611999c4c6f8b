// Removable channels: by readers.
#include "pruning/compaction/removable_channels.h"

#include <algorithm>
#include <map>
#include <set>

#include "pruning/compaction/constant_folding.h"
#include "pruning/compaction/slices.h"

namespace espalier::pruning {
namespace {

// Nothing, if a reader can do without these inputs.
struct Need {
  bool needed;
  std::string why;  // though it is silent where it is made
};
Need need(const Reader& reader, std::span<const std::int64_t> inputs) {
  for (const std::int64_t channel : channels_of(reader, inputs))
    if (!reader.inputs[channel].known) return {true, reader.inputs[channel].lost};
  std::string why = obstacle(reader, inputs);
  return {!why.empty(), std::move(why)};
}

void judge_free(const Group& group, const layers::ChannelWalk& walk, Verdict& verdict) {
  verdict.stays.assign(group.units, 0);
  for (const Member& member : group.members) {
    if (member.part != Part::Input) continue;
    const Kept reads = alive(member, group.units);
    const Reader& reader = walk.readers().at(member.layer);
    const auto inputs = slices_by_unit(member.units, group.units);
    for (std::int64_t u = 0; u < group.units; ++u) {
      if (!reads[u]) continue;
      Need found = need(reader, inputs[u]);
      verdict.stays[u] |= found.needed;
      if (verdict.why[u].empty()) verdict.why[u] = std::move(found.why);
    }
  }
  if (std::find(verdict.stays.begin(), verdict.stays.end(), 1) == verdict.stays.end()) {
    verdict.stays[0] = 1;
    verdict.why[0] = "is the last one";
  }
}

// Whether no layer makes the unit, its biases and batch norms aside.
Kept unmade(const Group& group) {
  Kept result(group.units, 1);
  for (const Member& member : group.members) {
    if (member.part != Part::Weight) continue;
    const Kept makes = alive(member, group.units);
    for (std::int64_t u = 0; u < group.units; ++u) result[u] &= !makes[u];
  }
  return result;
}

void keep_all(const Kept& silent, const std::string& why, Verdict& verdict) {
  for (std::size_t u = 0; u < silent.size(); ++u) {
    verdict.stays[u] = 1;
    if (silent[u]) verdict.why[u] = why;
  }
}

// Groups with a parameter that stands in another layer too: two cuts would have to agree.
std::set<std::string> tied(const std::vector<Group>& groups) {
  struct Owners {
    std::set<std::string> layers, groups;
  };
  std::map<const TensorImpl*, Owners> owners;
  for (const Group& group : groups)
    for (const Member& member : group.members) {
      owners[member.parameter.impl()].layers.insert(member.layer);
      owners[member.parameter.impl()].groups.insert(group.name);
    }
  std::set<std::string> result;
  for (const auto& [parameter, found] : owners)
    if (found.layers.size() > 1) result.insert(found.groups.begin(), found.groups.end());
  return result;
}

}  // namespace

std::vector<Verdict> judge(const std::vector<Group>& groups, const layers::ChannelWalk& walk) {
  const std::set<std::string> twice = tied(groups);
  std::vector<Verdict> verdicts;
  for (const Group& group : groups) {
    Verdict verdict{Kept(group.units, 1), std::vector<std::string>(group.units)};
    if (!group.fixed.empty())
      keep_all(unmade(group), "cannot go: " + group.fixed, verdict);
    else if (twice.contains(group.name))
      keep_all(unmade(group), "has weights that are used twice", verdict);
    else
      judge_free(group, walk, verdict);
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace espalier::pruning
