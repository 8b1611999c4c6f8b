// Snapshots: visitors over the state of a model.
#include "pruning/rewind.h"

#include <functional>
#include <utility>

#include "core/error.h"
#include "layers/tree.h"

namespace espalier::pruning {
namespace {

struct EachState : layers::StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape&) override {
    on_parameter(name, p);
  }
  void buffer(const std::string& name, Tensor& t, const Shape&) override { on_buffer(name, t); }
  void counter(const std::string& name, std::int64_t& n) override { on_counter(name, n); }

  std::function<void(const std::string&, Parameter&)> on_parameter;
  std::function<void(const std::string&, Tensor&)> on_buffer;
  std::function<void(const std::string&, std::int64_t&)> on_counter;
};

template <class Map>
const auto& saved(const Map& map, const std::string& name) {
  const auto found = map.find(name);
  check(found != map.end(), "rewind: found ", name,
        " in the model but not in the snapshot, expected the model that it was taken of");
  return found->second;
}

void check_shape(const std::string& name, const Tensor& now, const Tensor& then) {
  check(now.shape() == then.shape(), "rewind: found ", name, " of shape ", now.shape().str(),
        ", expected ", then.shape().str(), " as in the snapshot");
}

}  // namespace

Snapshot::Snapshot(const layers::Model& model, bool optimiser_states) {
  EachState save;
  save.on_parameter = [&](const std::string& name, Parameter& p) {
    Saved& to = parameters_[name];
    to.value = p.Tensor::clone();
    if (!optimiser_states) return;
    for (const auto& [key, tensor] : p.states()) to.states[key] = tensor.clone();
  };
  save.on_buffer = [&](const std::string& name, Tensor& t) { buffers_[name] = t.clone(); };
  save.on_counter = [&](const std::string& name, std::int64_t& n) { counters_[name] = n; };
  layers::visit_state(model.root(), save);
}

void Snapshot::restore(const layers::Model& model) const {
  EachState look;
  look.on_parameter = [&](const std::string& name, Parameter& p) {
    check_shape(name, p, saved(parameters_, name).value);
  };
  look.on_buffer = [&](const std::string& name, Tensor& t) {
    check_shape(name, t, saved(buffers_, name));
  };
  look.on_counter = [&](const std::string& name, std::int64_t&) { saved(counters_, name); };
  layers::visit_state(model.root(), look);

  EachState give;
  give.on_parameter = [&](const std::string& name, Parameter& p) {
    const Saved& from = saved(parameters_, name);
    p.copy_from(from.value);
    p.states().clear();
    for (const auto& [key, tensor] : from.states) p.states()[key] = tensor.clone();
    p.enforce_mask();
    p.zero_grad();
  };
  give.on_buffer = [&](const std::string& name, Tensor& t) { t.copy_from(saved(buffers_, name)); };
  give.on_counter = [&](const std::string& name, std::int64_t& n) { n = saved(counters_, name); };
  layers::visit_state(model.root(), give);
}

}  // namespace espalier::pruning
