// Model: making, looking up and changing.
#include "layers/model.h"

#include <algorithm>
#include <bit>
#include <map>

#include "core/error.h"
#include "core/hash.h"
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
  std::vector<std::pair<std::string, Tensor>> found;
  for (const StateItem& item : state_of(graph()))
    if (item.tensor && !item.parameter) found.emplace_back(item.name, *item.tensor);
  return found;
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

void Model::initialize(std::uint64_t seed) const {
  for (const StateItem& item : state_of(graph())) {
    if (!item.tensor || item.tensor->defined()) continue;
    if (item.parameter)
      *item.parameter = Parameter(Tensor::zeros(item.shape), item.name);
    else
      *item.tensor = Tensor::zeros(item.shape);
  }
  for (const Node& node : nodes()) {
    Hash name;
    name.add(std::as_bytes(std::span(node.name())));
    node.layer->initialize(Rng(seed).split(name.value()));
  }
  // What is removed does not come back with new values.
  for (Parameter& p : parameters()) p.enforce_mask();
}

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
  std::map<std::string, Parameter> kept;
  for (const Parameter& p : parameters()) kept[p.name()] = p;
  Network& taken = other.network();
  for (const StateItem& item : state_of(taken.graph)) {
    const auto found = item.parameter ? kept.find(item.name) : kept.end();
    if (found == kept.end()) continue;
    Parameter& p = *item.parameter;
    found->second.assign(p, mask_bytes(p), p.states(), p.pattern());
    p = found->second;
  }
  network().graph = std::move(taken.graph);
  network().origin = std::move(taken.origin);
  other = Model();
  update();
}

void Model::update() const {
  network().plans.clear();
  for (const StateItem& item : state_of(graph()))
    if (item.parameter && item.parameter->defined()) item.parameter->set_name(item.name);
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

EvaluationMode::EvaluationMode(const Model& model) : model_(model) {
  Model::Network& network = model_.network();
  const std::lock_guard lock(network.evaluation_mutex);
  if (!model.training()) evaluation_ = network.evaluation.lock();
  if (evaluation_) return;
  std::map<const Module*, bool> before;
  for (const Node& node : model.nodes()) before[node.layer.get()] = node.layer->training();
  const auto put_back = [&network, before, whole = model.training()](void*) {
    for (const Node& node : network.graph.nodes()) {
      const auto found = before.find(node.layer.get());
      node.layer->train(found == before.end() ? whole : found->second);  // end: it is a new layer
    }
  };
  evaluation_ = std::shared_ptr<void>(&network, put_back);
  network.evaluation = evaluation_;
  model.eval();
}

EvaluationMode::~EvaluationMode() {
  const std::lock_guard lock(model_.network().evaluation_mutex);
  evaluation_.reset();
}

Tensor outputs_of(const Model& model, const Tensor& pictures) {
  const bool flat = model.input_shape().rank() == 1 && pictures.shape().rank() > 2;
  return model(flat ? flatten(pictures) : pictures);
}

std::string fingerprint(const Model& model) {
  Hash hash;
  for (const StateItem& item : state_of(model.graph())) {
    if (item.counter) hash.add_word(static_cast<std::uint64_t>(*item.counter));
    if (item.parameter && item.parameter->pattern()) {
      const SparsePattern& pattern = *item.parameter->pattern();
      for (const std::uint32_t start : pattern.row_starts()) hash.add_word(start);
      for (const std::uint32_t column : pattern.columns()) hash.add_word(column);
    }
    if (item.tensor)
      for (const float value : item.tensor->to_vector())
        hash.add_word(std::bit_cast<std::uint32_t>(value));
  }
  return hash.str();
}

Parameter weight_of(Module& layer) {
  for (const StateItem& item : state_of(layer))
    if (item.any_format) return *item.parameter;
  return {};
}

bool is_sparse(Module& layer) {
  const Parameter weight = weight_of(layer);
  return weight.defined() && weight.pattern();
}

}  // namespace espalier::layers
