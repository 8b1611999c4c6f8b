// Snapshots: two functions over the state of a model, one for what has tensors and one for
// counters.
#include "pruning/rewind.h"

#include <utility>

#include "core/error.h"
#include "layers/visit.h"

namespace espalier::pruning {
namespace {

const std::string kState = ".state.";

// Calls on_tensor(name, tensor, the parameter that it is or null) and on_counter(name, number).
template <class OnTensor, class OnCounter>
void each_state(const layers::Model& model, const OnTensor& on_tensor,
                const OnCounter& on_counter) {
  struct Visitor : layers::StateVisitor {
    Visitor(const OnTensor& on_tensor, const OnCounter& on_counter)
        : on_tensor(on_tensor), on_counter(on_counter) {}
    void parameter(const std::string& name, Parameter& p, const Shape&) override {
      on_tensor(name, p, &p);
    }
    void buffer(const std::string& name, Tensor& t, const Shape&) override {
      on_tensor(name, t, nullptr);
    }
    void counter(const std::string& name, std::int64_t& n) override { on_counter(name, n); }
    const OnTensor& on_tensor;
    const OnCounter& on_counter;
  } visitor(on_tensor, on_counter);
  layers::visit_state(model, visitor);
}

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
  each_state(
      model,
      [&](const std::string& name, Tensor& tensor, Parameter* parameter) {
        tensors_[name] = tensor.clone();
        if (!parameter || !optimiser_states) return;
        for (const auto& [key, state] : parameter->states())
          tensors_[name + kState + key] = state.clone();
      },
      [&](const std::string& name, std::int64_t& count) { counters_[name] = count; });
}

Snapshot::Snapshot(Tensors tensors, Counters counters)
    : tensors_(std::move(tensors)), counters_(std::move(counters)) {}

void Snapshot::restore(const layers::Model& model) const {
  for (const bool give : {false, true})  // all is looked at before anything is changed
    each_state(
        model,
        [&](const std::string& name, Tensor& tensor, Parameter* parameter) {
          const Tensor& then = saved(tensors_, name);
          check_shape(name, tensor, then);
          if (give) tensor.copy_from(then);
          if (!parameter) return;
          if (give) parameter->states().clear();
          const std::string start = name + kState;
          for (auto it = tensors_.lower_bound(start);
               it != tensors_.end() && it->first.starts_with(start); ++it) {
            check_shape(it->first, tensor, it->second);
            if (give) parameter->states()[it->first.substr(start.size())] = it->second.clone();
          }
          if (!give) return;
          parameter->enforce_mask();
          parameter->zero_grad();
        },
        [&](const std::string& name, std::int64_t& count) {
          const std::int64_t then = saved(counters_, name);
          if (give) count = then;
        });
}

}  // namespace espalier::pruning
