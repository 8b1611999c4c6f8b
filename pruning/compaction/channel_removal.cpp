// Channel removal: the cut through all that belongs to what leaves.
#include "pruning/compaction/channel_removal.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "layers/layers.h"
#include "pruning/compaction/constant_folding.h"
#include "pruning/compaction/removable_channels.h"
#include "pruning/compaction/slices.h"
#include "pruning/pruning_history.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {
namespace {

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
      Cut& cut = cuts.try_emplace({member.parameter.impl(), dimension(member)},
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
  for (const Member& member : group.members) {
    if (member.part != Part::Input) continue;
    const Kept reads = alive(member, group.units);
    const Reader& reader = walk.readers().at(member.layer);
    const auto inputs = slices_by_unit(member.units, group.units);
    for (std::int64_t u = 0; u < group.units; ++u)
      if (!stays[u] && reads[u] && absorb(reader, inputs[u])) folded.insert(u);
  }
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
    Leaving leaving(model);
    model.bypass(block.name, block.shortcut);
    leaving.done(1);
    shrunk.blocks.push_back(block.name);
    return true;
  }
  return false;
}

}  // namespace

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
