// Model: making, looking up and changing.
#include "layers/model.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/ops/pool.h"

namespace espalier::layers {

Model::Model(Graph graph, const Shape& input, std::string name)
    : network_(new Network{std::move(graph), input, std::move(name)}) {
  check(input.rank() == 3 || input.rank() == 1, "model: found inputs of shape ", input.str(),
        ", expected [C, H, W] or [F]");
  network_->graph.check_all_used();
  update();
}

Model::Model(Graph graph, const Shape& input, std::uint64_t seed, std::string name)
    : Model(std::move(graph), input, std::move(name)) {
  initialize(seed);
}

Graph Model::graph_of(const Child& child) {
  Graph graph;
  child.append(graph, "", kInput);
  return graph;
}

Model::Network& Model::network() const {
  check(defined(), "model: found an empty handle, expected a network");
  return *network_;
}

Tensor Model::operator()(const Tensor& x) const { return network().plans.run(network().graph, x); }

Tensor Model::run(const Tensor& x, const Plan::Observer& see) const {
  return network().plans.run(network().graph, x, see);
}

std::vector<Parameter> Model::parameters() const { return parameters_of(graph()); }
std::vector<std::pair<std::string, Tensor>> Model::buffers() const {
  struct Collect : StateVisitor {
    void buffer(const std::string& name, Tensor& t, const Shape&) override {
      found.emplace_back(name, t);
    }
    std::vector<std::pair<std::string, Tensor>> found;
  } collect;
  visit_state(graph(), collect);
  return collect.found;
}

Parameter Model::parameter(const std::string& name) const {
  for (const Parameter& p : parameters())
    if (p.name() == name) return p;
  fail("model: found no parameter named ", name);
}

void Model::train(bool on) const {
  for (const Node& node : nodes()) node.layer->train(on);
}

bool Model::training() const {
  return std::any_of(nodes().begin(), nodes().end(),
                     [](const Node& node) { return node.layer->training(); });
}

void Model::initialize(std::uint64_t seed) const { layers::initialize(graph(), Rng(seed)); }

Model Model::clone() const {
  Model copy(graph().clone(), input_shape(), name());
  copy.network_->origin = network().origin;
  return copy;
}

const Graph& Model::graph() const { return network().graph; }

Module& Model::find(const std::string& name) const {
  const int found = graph().find(name);
  check(found != kInput, "model: found no layer named ", name);
  return *nodes()[found].layer;
}

void Model::replace(const std::string& name, std::shared_ptr<Module> layer) const {
  find(name);
  network().graph.replace(graph().find(name), std::move(layer));
  update();
}

void Model::bypass(const std::string& name, Value value) const {
  find(name);
  network().graph.bypass(graph().find(name), value);
  update();
}

void Model::adopt(Model&& other) const {
  struct Keep : StateVisitor {
    void parameter(const std::string& name, Parameter& p, const Shape&) override {
      const auto found = kept.find(name);
      if (found == kept.end()) return;
      std::span<const std::uint8_t> mask;
      if (p.mask()) mask = {p.mask(), static_cast<std::size_t>(p.numel())};
      found->second.assign(p, mask, p.states(), p.pattern());
      p = found->second;
    }
    std::map<std::string, Parameter> kept;
  } keep;
  for (const Parameter& p : parameters()) keep.kept[p.name()] = p;
  Network& taken = other.network();
  visit_state(taken.graph, keep);
  network().graph = std::move(taken.graph);
  network().origin = std::move(taken.origin);
  other = Model();
  update();
}

void Model::update() const {
  network().plans.clear();
  name_parameters(graph());
  graph().trace(batch_shape(1));
}

const Origin* Model::origin() const { return network().origin ? &*network().origin : nullptr; }
void Model::set_origin(Origin origin) const { network().origin = std::move(origin); }

const std::string& Model::name() const { return network().name; }
const Shape& Model::input_shape() const { return network().input; }
std::int64_t Model::outputs() const { return graph().trace(batch_shape(1)).numel(); }

Shape Model::batch_shape(std::int64_t images) const {
  std::vector<std::int64_t> sizes = input_shape().sizes();
  sizes.insert(sizes.begin(), images);
  return Shape(sizes);
}

// The modes of all layers, put back at the end.
struct Model::Evaluation {
  explicit Evaluation(Network& network) : network(network) {
    for (const Node& node : network.graph.nodes()) {
      training[node.layer.get()] = node.layer->training();
      whole = whole || node.layer->training();
      node.layer->eval();
    }
  }
  ~Evaluation() {
    for (const Node& node : network.graph.nodes()) {
      const auto found = training.find(node.layer.get());
      node.layer->train(found == training.end() ? whole : found->second);
    }
  }
  Network& network;
  bool whole = false;  // that of layers which are new at the end
  std::map<const Module*, bool> training;
};

EvaluationMode::EvaluationMode(const Model& model) : model_(model) {
  Model::Network& network = model_.network();
  const std::lock_guard lock(network.evaluation_mutex);
  if (!model.training()) evaluation_ = network.evaluation.lock();
  if (evaluation_) return;
  evaluation_ = std::make_shared<Model::Evaluation>(network);
  network.evaluation = evaluation_;
}

EvaluationMode::~EvaluationMode() {
  const std::lock_guard lock(model_.network().evaluation_mutex);
  evaluation_.reset();
}

Tensor outputs_of(const Model& model, const Tensor& pictures) {
  const bool flat = model.input_shape().rank() == 1 && pictures.shape().rank() > 2;
  return model(flat ? flatten(pictures) : pictures);
}

Parameter weight_of(Module& layer) {
  struct : StateVisitor {
    void weight(const std::string&, Parameter& p, const Shape&) override { found = p; }
    Parameter found;
  } visitor;
  layer.state(visitor);
  return visitor.found;
}

bool is_sparse(Module& layer) {
  const Parameter weight = weight_of(layer);
  return weight.defined() && weight.pattern();
}

}  // namespace espalier::layers
