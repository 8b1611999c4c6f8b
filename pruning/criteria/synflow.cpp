// Synaptic flow (Tanaka et al., 2020): how much of what flows from an input of ones to the outputs
// goes through a weight, when every weight is its absolute value. No data.
//
// The flow R is the sum of the outputs. It is to be conserved: the scores of each layer of a chain
// add up to R, so that no layer is emptied before the others. That holds where R is linear in each
// layer's weights. Biases and the shifts of batch norms are therefore left out, as is the running
// mean: what is added on the way comes through no earlier layer. Batch norm multiplies by |scale| /
// sqrt(running variance + eps), as in evaluation; activations leave positive values as they are.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "layers/layers.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

// The network of absolute values. A copy: the model itself stays as it is.
layers::Model absolute(const layers::Model& model) {
  const layers::Model copy = model.clone();
  for (Parameter parameter : copy.parameters()) {
    float* values = parameter.mutable_data();
    for (std::int64_t i = 0; i < parameter.numel(); ++i) values[i] = std::abs(values[i]);
  }
  struct Silence : layers::StateVisitor {
    void parameter(const std::string& name, Parameter& p, const Shape&) override {
      if (name == "bias") p.copy_from(Tensor::zeros(p.shape()));
    }
    void buffer(const std::string& name, Tensor& t, const Shape&) override {
      if (name == "running_mean") t.copy_from(Tensor::zeros(t.shape()));
    }
  } silence;
  for (const layers::Node& node : copy.nodes()) {
    node.layer->state(silence);
    if (dynamic_cast<layers::Activation*>(node.layer.get()))
      copy.replace(node.name(), std::make_shared<layers::Identity>());
  }
  copy.eval();
  return copy;
}

// A value of 2^exponent times the tensor.
struct Scaled {
  Tensor tensor;
  int exponent = 0;

  Tensor at(int other) const {  // in units of 2^other
    return exponent == other ? tensor : scale(tensor, std::ldexp(1.0f, exponent - other));
  }
};

// Runs the layers one by one, and halves or doubles what each gives until its largest value is near
// 1: a network of 50 layers multiplies ones beyond the largest float.
Scaled run(const layers::Graph& graph, const Tensor& x) {
  std::vector<Scaled> values;
  for (const layers::Node& node : graph.nodes()) {
    std::vector<Scaled> inputs;
    Scaled result{{}, std::numeric_limits<int>::min()};
    for (const layers::Value value : node.inputs) {
      inputs.push_back(value == layers::kInput ? Scaled{x} : values[value]);
      result.exponent = std::max(result.exponent, inputs.back().exponent);
    }
    std::vector<Tensor> tensors;
    for (const Scaled& input : inputs) tensors.push_back(input.at(result.exponent));
    result.tensor = node.layer->forward_all(tensors);
    if (node.layer->type() == "Mul") result.exponent *= 2;
    int own = 0;
    std::frexp(max(result.tensor.detach()).item(), &own);  // 0 for a zero
    if (own) result.tensor = scale(result.tensor, std::ldexp(1.0f, -own));
    result.exponent += own;
    values.push_back(std::move(result));
  }
  return values.empty() ? Scaled{x} : values.back();
}

}  // namespace

Criterion synflow() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    const layers::Model copy = absolute(evidence.model());
    const Scaled flow = run(copy.graph(), Tensor::full(copy.batch_shape(1), 1));
    sum(flow.tensor).backward();
    std::map<std::string, Parameter> parameters;
    for (const Parameter& parameter : copy.parameters()) parameters[parameter.name()] = parameter;

    return sums_of(lists, [&](const Member& member, Scores& scores) {
      const Parameter& parameter = parameters.at(member.parameter.name());
      const Tensor gradient = parameter.grad();
      if (!gradient.defined()) return;
      const float *g = gradient.data(), *w = parameter.data();
      add_each(member, scores, [&](std::int64_t i) {
        return std::ldexp(std::abs(static_cast<double>(g[i]) * static_cast<double>(w[i])),
                          flow.exponent);
      });
    });
  };
  return checked({.name = "synflow", .score = score, .rounds = 100});
}

}  // namespace espalier::pruning
