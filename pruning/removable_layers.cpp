// Removable layers: sums and their paths, and single layers.
#include "pruning/removable_layers.h"

#include <algorithm>

#include "layers/layers.h"
#include "pruning/pruning_history.h"

namespace espalier::pruning {
namespace {

bool is_plain(const layers::Module& layer) {
  return layer.type() == "Conv2d" || layer.type() == "Linear";
}

// A sum of two paths of which the main one may leave.
struct Sum {
  int node;
  std::size_t main;                  // which of its inputs
  std::vector<int> nodes, shortcut;  // that serve this path alone, and the other one
};

// The main path is the one with more layers of weights; of two alike the first.
Sum sum_at(const layers::Graph& graph, int node) {
  const std::vector<int> first = graph.only_for(node, 0), second = graph.only_for(node, 1);
  const auto weights = [&](const std::vector<int>& nodes) {
    return std::count_if(nodes.begin(), nodes.end(),
                         [&](int n) { return is_plain(*graph.nodes()[n].layer); });
  };
  if (weights(second) > weights(first)) return {node, 1, second, first};
  return {node, 0, first, second};
}

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
// In the order in which they run.
std::vector<Sum> sums_of(const layers::Graph& graph, bool inner, std::vector<bool>& covered) {
  covered.assign(graph.nodes().size(), false);
  std::vector<Sum> sums;
  for (int i = graph.output(); i >= 0; --i) {  // outer ones come last
    const layers::Node& node = graph.nodes()[i];
    if ((covered[i] && !inner) || node.layer->type() != "Add" || node.inputs.size() != 2) continue;
    Sum sum = sum_at(graph, i);
    if (std::none_of(sum.nodes.begin(), sum.nodes.end(),
                     [&](int n) { return is_plain(*graph.nodes()[n].layer); }))
      continue;
    for (const auto* path : {&sum.nodes, &sum.shortcut})
      for (const int n : *path) covered[n] = true;
    sums.insert(sums.begin(), std::move(sum));
  }
  return sums;
}

std::vector<std::string> names_of(const layers::Graph& graph, const std::vector<int>& nodes) {
  std::vector<std::string> names;
  for (const int node : nodes) names.push_back(graph.nodes()[node].name());
  return names;
}

// The last convolution or linear layer: its outputs are the network's.
int last_layer(const layers::Graph& graph) {
  for (int i = graph.output(); i >= 0; --i)
    if (is_plain(*graph.nodes()[i].layer)) return i;
  return layers::kInput;
}

// The batch norm that alone takes what a layer gives; kInput where there is none.
int norm_behind(const layers::Graph& graph, int layer) {
  if (graph.uses()[layer] != 1) return layers::kInput;
  for (std::size_t i = layer + 1; i < graph.nodes().size(); ++i)
    if (graph.nodes()[i].inputs[0] == layer && graph.nodes()[i].layer->type() == "BatchNorm")
      return static_cast<int>(i);
  return layers::kInput;
}

}  // namespace

std::vector<Removable> removable_layers(const layers::Model& model) {
  const layers::Graph& graph = model.graph();
  std::vector<Shape> inputs, outputs;
  graph.trace(model.batch_shape(1), [&](layers::Module&, const Shape& in, const Shape& out) {
    inputs.push_back(in), outputs.push_back(out);
  });
  std::vector<bool> covered;
  std::vector<std::pair<int, Removable>> found;  // by node
  for (const Sum& sum : sums_of(graph, false, covered))
    if (!is_silent(graph, sum.nodes))
      found.push_back(
          {sum.node,
           {graph.nodes()[sum.node].name(), true, outputs[sum.node], names_of(graph, sum.nodes)}});
  const int last = last_layer(graph);
  for (int i = 0; i < last; ++i) {
    if (covered[i] || !is_plain(*graph.nodes()[i].layer) || !(inputs[i] == outputs[i])) continue;
    std::vector<int> leaves = {i};
    if (const int norm = norm_behind(graph, i); norm != layers::kInput) leaves.push_back(norm);
    found.push_back({i, {graph.nodes()[i].name(), false, outputs[i], names_of(graph, leaves)}});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Removable> result;
  for (auto& [node, removable] : found) result.push_back(std::move(removable));
  return result;
}

std::vector<SilentBlock> silent_blocks(const layers::Model& model) {
  std::vector<bool> covered;
  std::vector<SilentBlock> blocks;
  for (const Sum& sum : sums_of(model.graph(), true, covered))
    if (is_silent(model.graph(), sum.nodes)) {
      const std::vector<layers::Value>& terms = model.nodes()[sum.node].inputs;
      blocks.push_back({model.nodes()[sum.node].name(), terms[sum.main], terms[1 - sum.main]});
    }
  return blocks;
}

std::int64_t removed_layers(const layers::Model& model) {
  std::vector<bool> covered;
  const std::vector<Sum> sums = sums_of(model.graph(), false, covered);
  const auto silent = std::count_if(sums.begin(), sums.end(), [&](const Sum& sum) {
    return is_silent(model.graph(), sum.nodes);
  });
  return silent + (model.origin() ? model.origin()->left.layers : 0);
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
  Leaving leaving(model);
  for (const std::string& name : layer.layers)
    model.bypass(name, model.nodes()[model.graph().find(name)].inputs[0]);
  leaving.done(1);
}

}  // namespace espalier::pruning
