// Graph: adding and taking out nodes.
#include "layers/graph.h"

#include <algorithm>

#include "core/error.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

// Whether a name is one part of a dotted path.
bool fit(const std::string& name) {
  return name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

void check_path(const std::string& path) {
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t dot = std::min(path.find('.', at), path.size());
    const std::string part = path.substr(at, dot - at);
    check(fit(part) && (!part.empty() || path.empty()), "layer ", path.substr(0, at),
          ": found a part of a name '", part, "', expected letters, digits, '_' and '-'");
    at = dot + 1;
  }
}

}  // namespace

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : name.empty() ? path : path + "." + name;
}

Child::Child(std::string name, std::shared_ptr<Module> layer)
    : name_(std::move(name)), layer_(std::move(layer)) {
  check(layer_ != nullptr, "layer ", name_, ": found none, expected a layer");
}

Child::Child(std::string name, std::shared_ptr<const Block> block)
    : name_(std::move(name)), block_(std::move(block)) {
  check(block_ != nullptr, "layer ", name_, ": found none, expected a block of layers");
}

Value Child::append(Graph& graph, const std::string& path, Value input) const {
  check(fit(name_), "layer ", path, ": found a child named '", name_,
        "', expected letters, digits, '_' and '-'");
  const std::string below = join(path, name_);
  if (block_) return block_->append(graph, below, input);
  return graph.add_node(below, copied_ ? clone(*layer_) : layer_, {input});
}

Value Graph::add_node(std::string name, std::shared_ptr<Module> layer, std::vector<Value> inputs) {
  check(layer != nullptr, "layer ", name, ": found none, expected a layer");
  check_path(name);
  for (const Node& node : nodes_) {
    check(node.name() != name, "layer ", name, ": found the name twice, expected different ones");
    check(node.layer != layer, "layer ", name,
          ": found a layer that stands elsewhere in the network too, expected one of its own");
  }
  for (const Value input : inputs)
    check(input >= kInput && input <= output(), "layer ", name, ": found an input from node ",
          input, ", expected one of the ", nodes_.size(), " before it");
  check(layer->takes(inputs.size()), "layer ", name, ": found ", inputs.size(),
        " inputs, which a layer of type ", layer->type(), " does not take");
  layer->set_name(std::move(name));
  nodes_.push_back({std::move(layer), std::move(inputs)});
  return output();
}

std::vector<int> Graph::uses() const {
  std::vector<int> counts(nodes_.size(), 0);
  for (const Node& node : nodes_)
    for (const Value input : node.inputs)
      if (input != kInput) ++counts[input];
  if (!counts.empty()) ++counts.back();
  return counts;
}

int Graph::find(const std::string& name) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].name() == name) return static_cast<int>(i);
  return kInput;
}

Shape Graph::trace(const Shape& input, const ShapeObserver& see) const {
  std::vector<Shape> shapes;
  for (const Node& node : nodes_) {
    std::vector<Shape> taken;
    for (const Value value : node.inputs) taken.push_back(value == kInput ? input : shapes[value]);
    shapes.push_back(node.layer->output_shape_all(taken));
    if (see) see(*node.layer, taken[0], shapes.back());
  }
  return nodes_.empty() ? input : shapes.back();
}

void Graph::check_all_used() const {
  const std::vector<int> counts = uses();
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    check(counts[i] > 0, "layer ", nodes_[i].layer->label(),
          ": found no layer that takes its output, expected one");
}

void Graph::replace(int node, std::shared_ptr<Module> layer) {
  check(layer != nullptr, "layer ", nodes_[node].name(), ": found no layer to put in its place");
  layer->set_name(nodes_[node].name());
  nodes_[node].layer = std::move(layer);
}

void Graph::bypass(int node, Value value) {
  check(value < node, "layer ", nodes_[node].name(), ": found node ", value,
        " to be taken in its place, expected one before it");
  for (Node& other : nodes_) std::replace(other.inputs.begin(), other.inputs.end(), node, value);
  keep(needed(node == output() ? value : output()));
}

std::vector<int> Graph::only_for(int node, std::size_t input) const {
  const std::vector<bool> rest = needed(output(), node, input);
  std::vector<int> found;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (!rest[i]) found.push_back(static_cast<int>(i));
  return found;
}

std::vector<bool> Graph::needed(Value output, int without, std::size_t input) const {
  std::vector<bool> result(nodes_.size(), false);
  if (output != kInput) result[output] = true;
  for (int i = output; i >= 0; --i)
    for (std::size_t k = 0; result[i] && k < nodes_[i].inputs.size(); ++k)
      if (const Value from = nodes_[i].inputs[k]; from != kInput && !(i == without && k == input))
        result[from] = true;
  return result;
}

void Graph::keep(const std::vector<bool>& kept) {
  std::vector<Value> places(nodes_.size(), kInput);
  std::vector<Node> rest;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!kept[i]) continue;
    places[i] = static_cast<Value>(rest.size());
    for (Value& input : nodes_[i].inputs)
      if (input != kInput) input = places[input];
    rest.push_back(std::move(nodes_[i]));
  }
  nodes_ = std::move(rest);
}

Graph Graph::clone() const {
  Graph copy(*this);
  for (Node& node : copy.nodes_) node.layer = layers::clone(*node.layer);
  return copy;
}

}  // namespace espalier::layers
