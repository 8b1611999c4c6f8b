// Channel removal: the cut through all that belongs to what leaves.
#include "pruning/compaction/channel_removal.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "layers/layers.h"

namespace espalier::pruning {
namespace {

using Reader = layers::ChannelWalk::Reader;

// For each output the sum over these inputs of constant times weights: [O, I, ...] -> O.
std::vector<double> shares(const Reader& reader, std::span<const std::int64_t> inputs) {
  const Parameter& weight = reader.product.weight;
  const Shape& shape = weight.dense_shape();
  const std::int64_t outputs = shape[0], all = shape[1];  // all: of a group
  const std::int64_t taps = shape.numel() / (outputs * all);
  const std::int64_t of_group = outputs / reader.product.groups;
  std::vector<double> sums(static_cast<std::size_t>(outputs), 0);
  if (const Pattern& pattern = weight.pattern()) {
    pattern->each([&](std::int64_t k, std::int64_t element) {
      const std::int64_t o = element / (all * taps), i = element / taps % all;
      if (std::find(inputs.begin(), inputs.end(), i) != inputs.end())
        sums[o] += double{reader.inputs[o / of_group * all + i].value} * weight.data()[k];
    });
    return sums;
  }
  for (std::int64_t o = 0; o < outputs; ++o)
    for (const std::int64_t i : inputs)
      for (std::int64_t k = 0; k < taps; ++k)
        sums[o] += double{reader.inputs[o / of_group * all + i].value} *
                   weight.data()[(o * all + i) * taps + k];
  return sums;
}

// A bias whose masks let a share in.
bool takes(const Parameter& bias, const std::vector<double>& shares) {
  if (!bias.defined()) return false;
  for (std::size_t o = 0; o < shares.size(); ++o)
    if (bias.mask() && !bias.mask()[o] && shares[o] != 0) return false;
  return true;
}

// What keeps a reader from taking in the constants of these slices of its weight [O, I / groups,
// ...]; nothing: it can. Empty where an input is none and never was.
std::optional<std::string> obstacle(const Reader& reader, std::span<const std::int64_t> inputs) {
  const Parameter& bias = reader.product.bias;
  bool zero = true;
  for (int g = 0; g < reader.product.groups; ++g)
    for (const std::int64_t i : inputs) {
      const layers::Constant& input = reader.inputs[g * reader.product.weight.dense_shape()[1] + i];
      if (!input.known) return input.lost;
      zero = zero && input.value == 0;
    }
  if (zero) return {};
  if (reader.product.padded)
    return "is read by " + reader.layer.label() + ", a convolution with padding";
  if (reader.norm || !bias.defined()) return {};
  if (takes(bias, shares(reader, inputs))) return {};
  return "is read by " + reader.layer.label() + ", whose bias is removed";
}

// Adds what these inputs, all known, make of the reader's outputs to its bias, or takes it from the
// running mean of the batch norm behind. The weights are as they were. Whether anything was added.
bool absorb(const Reader& reader, std::span<const std::int64_t> inputs) {
  Parameter& bias = reader.product.bias;
  const std::vector<double> sums = shares(reader, inputs);
  if (std::all_of(sums.begin(), sums.end(), [](double sum) { return sum == 0; })) return false;
  const bool into_norm = reader.norm && !takes(bias, sums);
  if (!into_norm && !bias.defined()) {
    bias = Parameter(Tensor::zeros({reader.product.weight.dense_shape()[0]}));
    reader.product.has_bias = true;
  }
  float* to = into_norm ? reader.norm->running_mean.mutable_data() : bias.mutable_data();
  for (std::size_t o = 0; o < sums.size(); ++o)
    to[o] = static_cast<float>(to[o] + (into_norm ? -sums[o] : sums[o]));
  return true;
}

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
    const Kept reads = alive(member, group.count);
    const Reader& reader = walk.readers().at(member.layer);
    const auto inputs = slices_by_unit(member.units, group.count);
    for (std::int64_t u = 0; u < group.count; ++u)
      if (reads[u]) see(u, reader, inputs[u]);
  }
}

Verdict judge_free(const Group& group, const layers::ChannelWalk& walk) {
  Verdict verdict{Kept(group.count, 0), std::vector<std::string>(group.count)};
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
  Verdict verdict{Kept(group.count, 1), std::vector<std::string>(group.count, why)};
  for (const Member& member : group.members) {
    if (member.part != Part::Weight) continue;
    const Kept makes = alive(member, group.count);
    for (std::int64_t u = 0; u < group.count; ++u)
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
  shrunk.lists.push_back({.name = group.name, .structure = group.structure, .before = group.count});
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
    any = any || list.after < all[g].count;
  }
  if (!any) return false;
  if (!model.origin()) model.set_origin(layers::measure(model));
  for (std::size_t g = 0; g < all.size(); ++g)
    list_of(shrunk, all[g]).folded += fold(all[g], verdicts[g].stays, walk);
  cut_groups(model, groups(model), verdicts);  // with the biases that were made just now
  model.update();
  return true;
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
    for (std::string block; !(block = take_out_silent_block(model)).empty();)
      shrunk.blocks.push_back(block);
  } while (cut_units(model, shrunk));
  return shrunk;
}

}  // namespace espalier::pruning
