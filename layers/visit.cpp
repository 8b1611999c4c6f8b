// Visit: the visitor that lists, and copies.
#include "layers/visit.h"

namespace espalier::layers {
namespace {

struct List : StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    buffer(name, p, shape);
    items.back().parameter = &p;
  }
  void weight(const std::string& name, Parameter& p, const Shape& dense) override {
    parameter(name, p, dense);
    items.back().any_format = true;
  }
  void buffer(const std::string& name, Tensor& t, const Shape& shape) override {
    items.push_back({.name = join(path, name), .shape = shape, .tensor = &t});
  }
  void counter(const std::string& name, std::int64_t& count) override {
    items.push_back({.name = join(path, name), .counter = &count});
  }
  std::string path;
  std::vector<StateItem> items;
};

std::vector<Parameter> parameters_in(const std::vector<StateItem>& items) {
  std::vector<Parameter> found;
  for (const StateItem& item : items)
    if (item.parameter) found.push_back(*item.parameter);
  return found;
}

Parameter clone(const Parameter& parameter) {
  Parameter copy(parameter.Tensor::clone(), parameter.name());
  std::map<std::string, Tensor> states;
  for (const auto& [key, tensor] : parameter.states()) states[key] = tensor.clone();
  copy.assign(copy, mask_bytes(parameter), std::move(states), parameter.pattern());
  copy.set_dense_gradient(parameter.dense_gradient());
  return copy;
}

}  // namespace

std::vector<StateItem> state_of(Module& layer, const std::string& path) {
  List list;
  list.path = path;
  layer.state(list);
  return list.items;
}

std::vector<StateItem> state_of(const Graph& graph) {
  List list;
  for (const Node& node : graph.nodes()) {
    list.path = node.name();
    node.layer->state(list);
  }
  return list.items;
}

void visit_state(const Graph& graph, StateVisitor& visitor) {
  for (const StateItem& item : state_of(graph)) {
    if (item.counter)
      visitor.counter(item.name, *item.counter);
    else if (item.any_format)
      visitor.weight(item.name, *item.parameter, item.shape);
    else if (item.parameter)
      visitor.parameter(item.name, *item.parameter, item.shape);
    else
      visitor.buffer(item.name, *item.tensor, item.shape);
  }
}

std::vector<Parameter> parameters_of(const Graph& graph) { return parameters_in(state_of(graph)); }
std::vector<Parameter> parameters_of(Module& layer) { return parameters_in(state_of(layer)); }

std::span<const std::uint8_t> mask_bytes(const Parameter& parameter) {
  if (!parameter.mask()) return {};
  return {parameter.mask(), static_cast<std::size_t>(parameter.numel())};
}

std::shared_ptr<Module> clone(const Module& layer) {
  std::shared_ptr<Module> copy = layer.copy();
  for (const StateItem& item : state_of(*copy)) {
    if (!item.tensor || !item.tensor->defined()) continue;
    if (item.parameter)
      *item.parameter = clone(*item.parameter);
    else
      *item.tensor = item.tensor->clone();
  }
  return copy;
}

}  // namespace espalier::layers
