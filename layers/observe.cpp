// Observe: the newest observer of each thread, and one that looks for values that are not finite.
#include "layers/observe.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "layers/model.h"

namespace espalier::layers {
namespace {

thread_local Observe* newest = nullptr;

bool finite(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

std::string first_nonfinite(const std::vector<StateItem>& state) {
  for (const StateItem& item : state)
    if (item.tensor && !finite(*item.tensor)) return item.name;
  return "";
}

}  // namespace

Observe::Observe(Function see) : see_(std::move(see)), before_(newest) { newest = this; }
Observe::~Observe() { newest = before_; }

bool Observe::active() { return newest != nullptr; }

void Observe::show(const Module& layer, const Tensor& input, const Tensor& output) {
  newest->see_(layer, layer.name(), input, output);
}

std::string first_nonfinite(const Model& model, const Tensor& input) {
  if (!finite(input)) return "the input";
  const Model copy = model.clone();
  std::string first;
  const NoGrad off;
  const Observe observe(
      [&](const Module&, const std::string& name, const Tensor&, const Tensor& output) {
        if (!first.empty()) return;
        Module& layer = copy.find(name);
        first = first_nonfinite(state_of(layer, name));
        if (first.empty() && !finite(output)) first = layer.label();
      });
  copy(input);
  return first;
}

std::string first_nonfinite(const Model& model) { return first_nonfinite(state_of(model.graph())); }

}  // namespace espalier::layers
