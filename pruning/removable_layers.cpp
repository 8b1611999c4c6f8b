// Removable layers: sums and their paths, and single layers.
#include "pruning/candidates.h"

#include <algorithm>
#include <map>
#include <set>

#include "layers/layers.h"

namespace espalier::pruning {
namespace {

bool is_plain(const layers::Graph& graph, int node) {
  const std::string type = graph.nodes()[node].layer->type();
  return type == "Conv2d" || type == "Linear";
}

// A sum of two paths of which the main one may leave.
struct Sum {
  int node;
  std::size_t main;                  // which of its inputs
  std::vector<int> nodes, shortcut;  // that serve this path alone, and the other one
  bool silent = true;                // masked to the last parameter
};

// Whether a path is masked to the last parameter.
bool is_silent(const layers::Graph& graph, const std::vector<int>& nodes) {
  struct Look : layers::StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape&) override {
      any = true;
      const std::uint8_t* mask = p.mask();
      const bool none = mask && std::find(mask, mask + p.numel(), 1) == mask + p.numel();
      silent = silent && (none || (p.pattern() && p.numel() == 0));
    }
    bool any = false, silent = true;
  } look;
  for (const int node : nodes) graph.nodes()[node].layer->state(look);
  return look.any && look.silent;
}

// The sums of two paths, one of which has weights; those within another's paths only with `inner`.
// The main path is the one with more layers of weights; of two alike the first. In the order in
// which they run.
std::vector<Sum> sums_of(const layers::Graph& graph, bool inner) {
  const auto weights = [&](const std::vector<int>& nodes) {
    return std::count_if(nodes.begin(), nodes.end(), [&](int n) { return is_plain(graph, n); });
  };
  std::vector<bool> covered(graph.nodes().size(), false);
  std::vector<Sum> sums;
  for (int i = graph.output(); i >= 0; --i) {  // outer ones come last
    const layers::Node& node = graph.nodes()[i];
    if ((covered[i] && !inner) || node.layer->type() != "Add" || node.inputs.size() != 2) continue;
    Sum sum{i, 0, graph.only_for(i, 0), graph.only_for(i, 1)};
    if (weights(sum.shortcut) > weights(sum.nodes)) {
      sum.main = 1;
      std::swap(sum.nodes, sum.shortcut);
    }
    if (weights(sum.nodes) == 0) continue;
    sum.silent = is_silent(graph, sum.nodes);
    for (const auto* path : {&sum.nodes, &sum.shortcut})
      for (const int n : *path) covered[n] = true;
    sums.insert(sums.begin(), std::move(sum));
  }
  return sums;
}

// The batch norm that alone takes what a layer gives; kInput where there is none.
int norm_behind(const layers::Graph& graph, int layer) {
  if (graph.uses()[layer] != 1) return layers::kInput;
  for (std::size_t i = layer + 1; i < graph.nodes().size(); ++i)
    if (graph.nodes()[i].inputs[0] == layer && graph.nodes()[i].layer->type() == "BatchNorm")
      return static_cast<int>(i);
  return layers::kInput;
}

// Calls bypass(), which takes one layer or block out of the model, and keeps that in the model's
// origin: one more layer has left, and so have the units of groups that have lost every layer that
// made their channels.
template <class Bypass>
void take_out(const layers::Model& model, const Bypass& bypass) {
  layers::Origin origin = model.origin() ? *model.origin() : layers::measure(model);
  const std::vector<Group> before = groups(model);
  bypass();
  std::set<std::string> left;
  for (const Group& group : groups(model))
    left.insert(group.producers.begin(), group.producers.end());
  for (const Group& group : before) {
    const auto there = [&](const std::string& name) { return left.contains(name); };
    if (!group.fixed.empty() || std::any_of(group.producers.begin(), group.producers.end(), there))
      continue;
    const auto was = origin.layers.find(group.name);
    const std::int64_t units = was == origin.layers.end() ? group.count : was->second.units;
    (group.structure == Structure::Filter ? origin.left.filters : origin.left.neurons) += units;
  }
  ++origin.left.layers;
  model.set_origin(std::move(origin));
}

}  // namespace

std::vector<Removable> removable_layers(const layers::Model& model) {
  const layers::Graph& graph = model.graph();
  std::vector<Shape> inputs, outputs;
  graph.trace(model.batch_shape(1), [&](layers::Module&, const Shape& in, const Shape& out) {
    inputs.push_back(in), outputs.push_back(out);
  });
  std::map<int, Removable> found;  // by node
  const auto add = [&](int node, bool block, const std::vector<int>& leave) {
    Removable& removable = found[node];
    removable = {graph.nodes()[node].name(), block, outputs[node], {}};
    for (const int n : leave) removable.layers.push_back(graph.nodes()[n].name());
  };
  std::set<int> covered;
  for (const Sum& sum : sums_of(graph, false)) {
    if (!sum.silent) add(sum.node, true, sum.nodes);
    for (const auto* path : {&sum.nodes, &sum.shortcut}) covered.insert(path->begin(), path->end());
  }
  int last = graph.output();  // of the plain ones: its outputs are the network's
  while (last >= 0 && !is_plain(graph, last)) --last;
  for (int i = 0; i < last; ++i) {
    if (covered.contains(i) || !is_plain(graph, i) || !(inputs[i] == outputs[i])) continue;
    std::vector<int> leave = {i};
    if (const int norm = norm_behind(graph, i); norm != layers::kInput) leave.push_back(norm);
    add(i, false, leave);
  }
  std::vector<Removable> result;
  for (auto& [node, removable] : found) result.push_back(std::move(removable));
  return result;
}

std::int64_t removed_layers(const layers::Model& model) {
  std::int64_t count = model.origin() ? model.origin()->left.layers : 0;
  for (const Sum& sum : sums_of(model.graph(), false)) count += sum.silent;
  return count;
}

void remove_layer(const layers::Model& model, const Removable& layer) {
  if (layer.block) {
    struct Silence : layers::StateVisitor {
      void parameter(const std::string&, Parameter& p, const Shape&) override {
        p.set_mask(std::vector<std::uint8_t>(p.numel(), 0));
      }
    } silence;
    for (const std::string& name : layer.layers) model.find(name).state(silence);
    return;
  }
  take_out(model, [&] {
    for (const std::string& name : layer.layers)
      model.bypass(name, model.nodes()[model.graph().find(name)].inputs[0]);
  });
}

std::string take_out_silent_block(const layers::Model& model) {
  const layers::ChannelWalk walk(model);
  for (const Sum& sum : sums_of(model.graph(), true)) {
    const layers::Node& node = model.nodes()[sum.node];
    const auto& main = walk.channels(node.inputs[sum.main]).constants;
    if (!sum.silent || !std::all_of(main.begin(), main.end(), [](const layers::Constant& c) {
          return c.known && c.value == 0;
        }))
      continue;
    const std::string name = node.name();
    take_out(model, [&] { model.bypass(name, node.inputs[1 - sum.main]); });
    return name;
  }
  return "";
}

}  // namespace espalier::pruning
