// Visit: visitors.
#include "layers/visit.h"

#include <string_view>

namespace espalier::layers {
namespace {

// Puts a layer's name in front of the names that it shows.
class WithPath : public StateVisitor {
 public:
  WithPath(StateVisitor& visitor, const std::string& path) : visitor_(visitor), path_(path) {}
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    visitor_.parameter(join(path_, name), p, shape);
  }
  void buffer(const std::string& name, Tensor& t, const Shape& shape) override {
    visitor_.buffer(join(path_, name), t, shape);
  }
  void weight(const std::string& name, Parameter& p, const Shape& dense) override {
    visitor_.weight(join(path_, name), p, dense);
  }
  void counter(const std::string& name, std::int64_t& count) override {
    visitor_.counter(join(path_, name), count);
  }

 private:
  StateVisitor& visitor_;
  const std::string& path_;
};

struct Collect : StateVisitor {
  void parameter(const std::string&, Parameter& p, const Shape&) override { found.push_back(p); }
  std::vector<Parameter> found;
};

struct NameParameters : StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape&) override {
    if (p.defined()) p.set_name(name);
  }
};

struct GiveMemory : StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    if (!p.defined()) p = Parameter(Tensor::zeros(shape), name);
  }
  void buffer(const std::string&, Tensor& t, const Shape& shape) override {
    if (!t.defined()) t = Tensor::zeros(shape);
  }
};

struct OwnTensors : StateVisitor {
  void parameter(const std::string&, Parameter& p, const Shape&) override {
    if (p.defined()) p = clone(p);
  }
  void buffer(const std::string&, Tensor& t, const Shape&) override {
    if (t.defined()) t = t.clone();
  }
};

// FNV-1a, so that a path always names the same stream.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

}  // namespace

void visit_state(const Graph& graph, StateVisitor& visitor) {
  for (const Node& node : graph.nodes()) {
    WithPath full(visitor, node.name());
    node.layer->state(full);
  }
}

std::vector<Parameter> parameters_of(const Graph& graph) {
  Collect collect;
  visit_state(graph, collect);
  return collect.found;
}

std::vector<Parameter> parameters_of(Module& layer) {
  Collect collect;
  layer.state(collect);
  return collect.found;
}

void name_parameters(const Graph& graph) {
  NameParameters visitor;
  visit_state(graph, visitor);
}

void initialize(const Graph& graph, const Rng& rng) {
  GiveMemory memory;
  visit_state(graph, memory);
  for (const Node& node : graph.nodes()) node.layer->initialize(rng.split(hash(node.name())));
  struct : StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape&) override { p.enforce_mask(); }
  } masks;  // what is removed does not come back with new values
  visit_state(graph, masks);
}

std::shared_ptr<Module> clone(const Module& layer) {
  std::shared_ptr<Module> copy = layer.copy();
  OwnTensors own;
  copy->state(own);
  return copy;
}

Parameter clone(const Parameter& parameter) {
  Parameter copy(parameter.Tensor::clone(), parameter.name());
  std::map<std::string, Tensor> states;
  for (const auto& [key, tensor] : parameter.states()) states[key] = tensor.clone();
  std::span<const std::uint8_t> mask;
  if (parameter.mask()) mask = {parameter.mask(), static_cast<std::size_t>(parameter.numel())};
  copy.assign(copy, mask, std::move(states), parameter.pattern());
  copy.set_dense_gradient(parameter.dense_gradient());
  return copy;
}

}  // namespace espalier::layers
