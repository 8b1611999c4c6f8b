// First non-finite value: a forward pass under observation.
#include "layers/nonfinite.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "layers/observe.h"
#include "layers/visit.h"

namespace espalier::layers {
namespace {

bool finite(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

struct FirstBad : StateVisitor {
  void parameter(const std::string& own, Parameter& p, const Shape&) override { look(own, p); }
  void buffer(const std::string& own, Tensor& t, const Shape&) override { look(own, t); }
  void look(const std::string& own, const Tensor& t) {
    if (name.empty() && !finite(t)) name = own;
  }
  std::string name;
};

}  // namespace

std::string first_nonfinite(const Model& model, const Tensor& input) {
  if (!finite(input)) return "the input";
  const Model copy = model.clone();
  std::string first;
  const NoGrad off;
  const Observe observe(
      [&](const Module& layer, const std::string& name, const Tensor&, const Tensor& output) {
        if (!first.empty()) return;
        FirstBad own;
        const_cast<Module&>(layer).state(own);  // the copy is ours, and nothing is written
        if (!own.name.empty())
          first = name.empty() ? own.name : name + "." + own.name;
        else if (!finite(output))
          first = layer.label();
      });
  copy(input);
  return first;
}

std::string first_nonfinite(const Model& model) {
  FirstBad first;
  visit_state(model, first);
  return first.name;
}

}  // namespace espalier::layers
