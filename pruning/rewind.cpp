// Snapshots: visitors over the state of a model.
#include "pruning/rewind.h"

#include <functional>
#include <utility>

#include "core/error.h"
#include "layers/visit.h"

namespace espalier::pruning {
namespace {

const std::string kState = ".state.";

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

// Calls see(key, tensor) for the optimiser state of a parameter.
void each_state_of(const Snapshot::Tensors& tensors, const std::string& parameter,
                   const std::function<void(const std::string&, const Tensor&)>& see) {
  const std::string start = parameter + kState;
  for (auto it = tensors.lower_bound(start); it != tensors.end() && it->first.starts_with(start);
       ++it)
    see(it->first.substr(start.size()), it->second);
}

void check_shape(const std::string& name, const Tensor& now, const Tensor& then) {
  check(now.shape() == then.shape(), "rewind: found ", name, " of shape ", now.shape().str(),
        ", expected ", then.shape().str(), " as in the snapshot");
}

}  // namespace

Snapshot::Snapshot(const layers::Model& model, bool optimiser_states) {
  EachState save;
  save.on_parameter = [&](const std::string& name, Parameter& p) {
    tensors_[name] = p.Tensor::clone();
    if (!optimiser_states) return;
    for (const auto& [key, tensor] : p.states()) tensors_[name + kState + key] = tensor.clone();
  };
  save.on_buffer = [&](const std::string& name, Tensor& t) { tensors_[name] = t.clone(); };
  save.on_counter = [&](const std::string& name, std::int64_t& n) { counters_[name] = n; };
  layers::visit_state(model, save);
}

Snapshot::Snapshot(Tensors tensors, Counters counters)
    : tensors_(std::move(tensors)), counters_(std::move(counters)) {}

void Snapshot::restore(const layers::Model& model) const {
  EachState look;
  look.on_parameter = [&](const std::string& name, Parameter& p) {
    check_shape(name, p, saved(tensors_, name));
    each_state_of(tensors_, name, [&](const std::string& key, const Tensor& state) {
      check_shape(name + kState + key, p, state);
    });
  };
  look.on_buffer = [&](const std::string& name, Tensor& t) {
    check_shape(name, t, saved(tensors_, name));
  };
  look.on_counter = [&](const std::string& name, std::int64_t&) { saved(counters_, name); };
  layers::visit_state(model, look);

  EachState give;
  give.on_parameter = [&](const std::string& name, Parameter& p) {
    p.copy_from(saved(tensors_, name));
    p.states().clear();
    each_state_of(tensors_, name, [&](const std::string& key, const Tensor& state) {
      p.states()[key] = state.clone();
    });
    p.enforce_mask();
    p.zero_grad();
  };
  give.on_buffer = [&](const std::string& name, Tensor& t) { t.copy_from(saved(tensors_, name)); };
  give.on_counter = [&](const std::string& name, std::int64_t& n) { n = saved(counters_, name); };
  layers::visit_state(model, give);
}

}  // namespace espalier::pruning
