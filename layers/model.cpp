// Model: making, looking up and changing.
#include "layers/model.h"

#include <map>

#include "core/error.h"
#include "core/ops/pool.h"
#include "layers/tree.h"

namespace espalier::layers {

Model::Model(std::shared_ptr<Module> root, const Shape& input, std::string name)
    : network_(new Network{std::move(root), input, std::move(name)}) {
  check(input.rank() == 3 || input.rank() == 1, "model: found inputs of shape ", input.str(),
        ", expected [C, H, W] or [F]");
  check(network_->root != nullptr, "model: found no layers, expected a module");
  update();
}

Model::Network& Model::network() const {
  check(defined(), "model: found an empty handle, expected a network");
  return *network_;
}

Tensor Model::operator()(const Tensor& x) const { return (*network().root)(x); }

std::vector<Parameter> Model::parameters() const { return parameters_of(root()); }
std::vector<std::pair<std::string, Tensor>> Model::buffers() const {
  struct Collect : StateVisitor {
    void buffer(const std::string& name, Tensor& t, const Shape&) override {
      found.emplace_back(name, t);
    }
    std::vector<std::pair<std::string, Tensor>> found;
  } collect;
  visit_state(root(), collect);
  return collect.found;
}

Parameter Model::parameter(const std::string& name) const {
  for (const Parameter& p : parameters())
    if (p.name() == name) return p;
  fail("model: found no parameter named ", name);
}

void Model::train(bool on) const { root().train(on); }
bool Model::training() const { return root().training(); }

void Model::initialize(std::uint64_t seed) const { initialize_tree(root(), Rng(seed)); }

Model Model::clone() const {
  Model copy(layers::clone(root()), input_shape(), name());
  copy.network_->origin = network().origin;
  return copy;
}

Module& Model::root() const { return *network().root; }

Module& Model::find(const std::string& name) const {
  Module* found = nullptr;
  walk(root(), [&](Module& module) {
    if (!found && module.name() == name) found = &module;
  });
  check(found, "model: found no layer named ", name);
  return *found;
}

void Model::replace(const std::string& name, std::shared_ptr<Module> module) const {
  check(module != nullptr, "layer ", name, ": found no module to put in its place");
  std::shared_ptr<Module>* place = name.empty() ? &network().root : nullptr;
  walk(root(), [&](Module& parent) {
    for (Child& child : parent.children())
      if (!place && child.module->name() == name) place = &child.module;
  });
  check(place, "model: found no layer named ", name);
  *place = std::move(module);
  update();
}

void Model::update() const {
  name_tree(root());
  root().output_shape(batch_shape(1));
}

const Origin* Model::origin() const { return network().origin ? &*network().origin : nullptr; }
void Model::set_origin(Origin origin) const { network().origin = std::move(origin); }

const std::string& Model::name() const { return network().name; }
const Shape& Model::input_shape() const { return network().input; }
std::int64_t Model::outputs() const { return root().output_shape(batch_shape(1)).numel(); }

Shape Model::batch_shape(std::int64_t images) const {
  std::vector<std::int64_t> sizes = input_shape().sizes();
  sizes.insert(sizes.begin(), images);
  return Shape(sizes);
}

// The modes of all modules, put back at the end.
struct Model::Evaluation {
  explicit Evaluation(Network& network) : network(network), whole(network.root->training()) {
    walk(*network.root, [&](Module& module) { training[&module] = module.training(); });
    network.root->eval();
  }
  ~Evaluation() {
    // Parents come first, and set their children too, whose own turn is then still to come.
    walk(*network.root, [&](Module& module) {
      const auto found = training.find(&module);
      module.train(found == training.end() ? whole : found->second);
    });
  }
  Network& network;
  bool whole;  // that of modules which are new at the end
  std::map<const Module*, bool> training;
};

EvaluationMode::EvaluationMode(const Model& model) : model_(model) {
  Model::Network& network = model_.network();
  const std::lock_guard lock(network.evaluation_mutex);
  bool training = false;
  walk(*network.root, [&](Module& module) { training = training || module.training(); });
  if (!training) evaluation_ = network.evaluation.lock();
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
