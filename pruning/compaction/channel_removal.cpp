// Channel removal: the cut through all that belongs to what leaves.
#include "pruning/compaction/channel_removal.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "layers/layers.h"
#include "pruning/channel_groups.h"
#include "pruning/compaction/constant_folding.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {
namespace {

// Which units of a group the network can do without, and why others, though silent, have to stay.
struct Verdict {
  Kept stays;                    // of each unit
  std::vector<std::string> why;  // "is read by ...": a silent one stays; empty for all others
};

// Of each set that a member has elements of, 1 where one of these is there still.
Kept alive(const Member& member, std::int64_t sets) {
  Kept result(static_cast<std::size_t>(sets), 0);
  const Parameter& parameter = member.parameter;
  member.each([&](std::int64_t i, std::int64_t set) {
    if (!result[set]) result[set] = !parameter.is_removed(i);
  });
  return result;
}

// Calls see(unit, reader, slices of its weight) for each layer that reads a unit, unless all that
// it reads by is gone.
template <class See>
void each_reader(const Group& group, const layers::ChannelWalk& walk, const See& see) {
  for (const Member& member : group.members) {
    if (member.part != Part::Input) continue;
    const Kept reads = alive(member, group.units);
    const Reader& reader = walk.readers().at(member.layer);
    const auto inputs = slices_by_unit(member.units, group.units);
    for (std::int64_t u = 0; u < group.units; ++u)
      if (reads[u]) see(u, reader, inputs[u]);
  }
}

Verdict judge_free(const Group& group, const layers::ChannelWalk& walk) {
  Verdict verdict{Kept(group.units, 0), std::vector<std::string>(group.units)};
  each_reader(group, walk, [&](std::int64_t u, const Reader& reader, const auto& inputs) {
    const std::optional<std::string> why = obstacle(reader, inputs);
    verdict.stays[u] |= why.has_value();
    if (verdict.why[u].empty()) verdict.why[u] = why.value_or("");
  });
  if (std::find(verdict.stays.begin(), verdict.stays.end(), 1) == verdict.stays.end()) {
    verdict.stays[0] = 1;
    verdict.why[0] = "is the last one";
  }
  return verdict;
}

// All units stay; the reason is told of those that no layer makes, biases and batch norms aside.
Verdict keep_all(const Group& group, const std::string& why) {
  Verdict verdict{Kept(group.units, 1), std::vector<std::string>(group.units, why)};
  for (const Member& member : group.members) {
    if (member.part != Part::Weight) continue;
    const Kept makes = alive(member, group.units);
    for (std::int64_t u = 0; u < group.units; ++u)
      if (makes[u]) verdict.why[u].clear();
  }
  return verdict;
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

// Of every group. A unit leaves when every reader has its elements gone or can take in what the
// unit says; one of each group stays, and of a fixed group all.
std::vector<Verdict> judge(const std::vector<Group>& groups, const layers::ChannelWalk& walk) {
  const std::set<std::string> twice = tied(groups);
  std::vector<Verdict> verdicts;
  for (const Group& group : groups)
    verdicts.push_back(!group.fixed.empty() ? keep_all(group, "cannot go: " + group.fixed)
                       : twice.contains(group.name)
                           ? keep_all(group, "has weights that are used twice")
                           : judge_free(group, walk));
  return verdicts;
}

// A tensor seen as [outer][extent][inner], the middle one being cut.
struct View3 {
  View3(const Shape& shape, int dim) : extent(shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
  template <class T>
  void copy(const T* from, const std::vector<std::int64_t>& slices, T* to) const {
    for (std::int64_t a = 0; a < outer; ++a)
      for (const std::int64_t e : slices)
        to = std::copy_n(from + (a * extent + e) * inner, inner, to);
  }
  std::int64_t outer = 1, extent, inner = 1;
};

// What a layer gathers of its channels goes with them.
struct CutBuffers : layers::StateVisitor {
  explicit CutBuffers(const std::vector<std::int64_t>& rest) : rest(rest) {}
  void buffer(const std::string&, Tensor& tensor, const Shape&) override {
    tensor = cut(tensor, 0, rest);
  }
  const std::vector<std::int64_t>& rest;
};

// Everything is cut once, for a parameter may have slices of several groups.
void cut_groups(const layers::Model& model, const std::vector<Group>& groups,
                const std::vector<Verdict>& verdicts) {
  struct Cut {
    const Member* member;
    Kept stays;  // each slice
  };
  std::map<std::pair<const TensorImpl*, int>, Cut> cuts;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Member& member : groups[g].members) {
      const std::vector<std::int32_t>& units = *member.units;
      // Weights are [made, read, ...].
      Cut& cut = cuts.try_emplace({member.parameter.impl(), member.part == Part::Input},
                                  Cut{&member, Kept(units.size(), 1)})
                     .first->second;
      for (std::size_t e = 0; e < units.size(); ++e)
        if (units[e] >= 0) cut.stays[e] = verdicts[g].stays[units[e]];
    }
  for (const auto& [place, cut] : cuts) {
    std::vector<std::int64_t> rest;
    for (std::size_t e = 0; e < cut.stays.size(); ++e)
      if (cut.stays[e]) rest.push_back(static_cast<std::int64_t>(e));
    if (rest.size() == cut.stays.size()) continue;
    Parameter parameter = cut.member->parameter;
    const bool csr = parameter.pattern() != nullptr;
    if (csr) parameter.to_dense();
    pruning::cut(parameter, place.second, rest);
    if (csr) parameter.to_csr();
    CutBuffers buffers(rest);
    if (cut.member->part == Part::Scale) model.find(cut.member->layer).state(buffers);
  }
  for (const layers::Node& node : model.nodes()) node.layer->take_sizes();
}

// The constants that leaving units say go into their readers; how many units said one.
std::int64_t fold(const Group& group, const Kept& stays, const layers::ChannelWalk& walk) {
  std::set<std::int64_t> folded;
  each_reader(group, walk, [&](std::int64_t u, const Reader& reader, const auto& inputs) {
    if (!stays[u] && absorb(reader, inputs)) folded.insert(u);
  });
  return static_cast<std::int64_t>(folded.size());
}

Shrunk::List& list_of(Shrunk& shrunk, const Group& group) {
  for (Shrunk::List& list : shrunk.lists)  // a group may have lost the layer that gave its name
    if (std::find(group.producers.begin(), group.producers.end(), list.name) !=
        group.producers.end())
      return list;
  shrunk.lists.push_back({.name = group.name, .structure = group.structure, .before = group.units});
  return shrunk.lists.back();
}

std::vector<Shrunk::Stayed> stayed(const Verdict& verdict) {
  std::vector<Shrunk::Stayed> result;
  for (std::size_t u = 0; u < verdict.why.size(); ++u) {
    if (!verdict.stays[u] || verdict.why[u].empty()) continue;
    auto found = std::find_if(result.begin(), result.end(),
                              [&](const auto& s) { return s.why == verdict.why[u]; });
    if (found == result.end()) found = result.insert(found, {verdict.why[u], 0});
    ++found->units;
  }
  return result;
}

bool cut_units(const layers::Model& model, Shrunk& shrunk) {
  const layers::ChannelWalk walk(model);
  const std::vector<Group> all = groups(walk);
  const std::vector<Verdict> verdicts = judge(all, walk);
  bool any = false;
  for (std::size_t g = 0; g < all.size(); ++g) {
    Shrunk::List& list = list_of(shrunk, all[g]);
    list.stayed = stayed(verdicts[g]);
    list.after = std::count(verdicts[g].stays.begin(), verdicts[g].stays.end(), 1);
    any = any || list.after < all[g].units;
  }
  if (!any) return false;
  if (!model.origin()) model.set_origin(layers::measure(model));
  for (std::size_t g = 0; g < all.size(); ++g)
    list_of(shrunk, all[g]).folded += fold(all[g], verdicts[g].stays, walk);
  cut_groups(model, groups(model), verdicts);  // with the biases that were made just now
  model.update();
  return true;
}

// Of one block its shortcut is left.
bool cut_block(const layers::Model& model, Shrunk& shrunk) {
  const layers::ChannelWalk walk(model);
  for (const SilentBlock& block : silent_blocks(model)) {
    const std::vector<layers::Constant>& main = walk.channels(block.main).constants;
    if (!std::all_of(main.begin(), main.end(),
                     [](const layers::Constant& c) { return c.known && c.value == 0; }))
      continue;
    take_out(model, [&] { model.bypass(block.name, block.shortcut); });
    shrunk.blocks.push_back(block.name);
    return true;
  }
  return false;
}

}  // namespace

Tensor cut(const Tensor& tensor, int dim, const std::vector<std::int64_t>& slices) {
  check(tensor.layout().plain(), "cut: found a tensor in lanes, expected a plain one");
  std::vector<std::int64_t> sizes = tensor.shape().sizes();
  sizes[dim] = static_cast<std::int64_t>(slices.size());
  Tensor result = Tensor::empty(Shape(sizes));
  View3(tensor.shape(), dim).copy(tensor.data(), slices, result.mutable_data());
  return result;
}

void cut(Parameter parameter, int dim, const std::vector<std::int64_t>& slices) {
  const Tensor value = cut(Tensor(parameter), dim, slices);
  std::vector<std::uint8_t> mask;
  if (parameter.mask()) {
    mask.resize(static_cast<std::size_t>(value.numel()));
    View3(parameter.shape(), dim).copy(parameter.mask(), slices, mask.data());
    if (std::find(mask.begin(), mask.end(), 0) == mask.end()) mask.clear();
  }
  std::map<std::string, Tensor> states;
  for (const auto& [key, state] : parameter.states()) states[key] = cut(state, dim, slices);
  parameter.assign(value, mask, std::move(states));
}

bool Shrunk::changed() const {
  return !blocks.empty() ||
         std::any_of(lists.begin(), lists.end(), [](const List& l) { return l.after < l.before; });
}

std::string Shrunk::table() const {
  std::string text;
  for (const List& list : lists) {
    text += list.name + ": " + std::to_string(list.after) + " of " + std::to_string(list.before) +
            " " + pruning::name(list.structure) + "s";
    if (list.folded > 0) text += ", " + std::to_string(list.folded) + " constants folded";
    for (const Stayed& stayed : list.stayed)
      text += "; " + std::to_string(stayed.units) + " silent but kept: it " + stayed.why;
    text += "\n";
  }
  for (const std::string& block : blocks) text += block + ": its shortcut alone\n";
  return text;
}

Shrunk shrink(const layers::Model& model) {
  Shrunk shrunk;
  // What leaves may have been the only thing that read something else: until nothing leaves.
  do {
    while (cut_block(model, shrunk)) {
    }
  } while (cut_units(model, shrunk));
  return shrunk;
}

}  // namespace espalier::pruning
