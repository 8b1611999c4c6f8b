// Plan: making and running.
#include "layers/plan.h"

#include <algorithm>

#include "core/autograd.h"
#include "layers/activation.h"
#include "layers/merge.h"
#include "layers/norm.h"
#include "layers/observe.h"
#include "layers/pool.h"

namespace espalier::layers {
namespace {

constexpr int kNone = -1;          // no node
constexpr std::size_t kKept = 16;  // plans of a network

bool halves(const Module& layer) {
  const auto* pool = dynamic_cast<const MaxPool2d*>(&layer);
  return pool && pool->options.kernel == Pair(2) && pool->options.stride == Pair(2) &&
         pool->options.padding == Sides(0);
}

// For each value the one node that takes it; kNone where that is not one, and once.
std::vector<int> only_takers(const Graph& graph) {
  const std::vector<int> uses = graph.uses();
  std::vector<int> takers(uses.size(), kNone);
  for (std::size_t i = 0; i < uses.size(); ++i)
    for (const Value input : graph.nodes()[i].inputs)
      if (input != kInput && uses[input] == 1) takers[input] = static_cast<int>(i);
  return takers;
}

}  // namespace

Plan::Plan(const Graph& graph, const Shape& input, bool recording, bool fuse, FoldedNorms& norms)
    : input_(input), recording_(recording), fuse_(fuse) {
  std::vector<Shape> shapes;  // of the (first) inputs
  graph.trace(input, [&](Module& layer, const Shape& in, const Shape&) {
    shapes.push_back(in);
    training_.push_back(layer.training());
  });
  std::vector<int> takers = only_takers(graph);
  std::vector<bool> done(graph.nodes().size(), false);
  for (std::size_t i = 0; i < done.size(); ++i) {
    if (done[i]) continue;
    steps_.push_back(step_from(graph, static_cast<int>(i), takers, shapes, norms));
    // Nobody else can take in what this step does.
    for (int at = steps_.back().node; at != steps_.back().result; at = takers[at])
      done[takers[at]] = true;
    if (steps_.back().addend >= 0) takers[steps_.back().addend] = kNone;
  }
  // A step that adds comes after what it adds.
  std::sort(steps_.begin(), steps_.end(),
            [](const Step& a, const Step& b) { return a.result < b.result; });
  if (fuse) set_halos(graph);
  std::vector<bool> taken_later(graph.nodes().size(), false);
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    std::vector<Value> takes = graph.nodes()[step->node].inputs;
    takes.push_back(step->addend);
    for (const Value value : takes) {
      if (value < 0 || taken_later[value]) continue;
      taken_later[value] = true;
      step->last_uses.push_back(value);
    }
  }
}

// A result has the halo that those need who take it. A sum and its terms lie alike.
void Plan::set_halos(const Graph& graph) {
  std::vector<int> halos(graph.nodes().size(), 0);
  if (!halos.empty()) halos.back() = kDefaultHalo;
  for (bool changed = true; changed;) {
    changed = false;
    const auto need = [&](Value value, int halo) {
      if (value < 0 || halos[value] >= halo) return;
      halos[value] = halo;
      changed = true;
    };
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      const Node& node = graph.nodes()[step->node];
      int halo = kDefaultHalo;
      if (const auto* fusing = dynamic_cast<const Fusing*>(node.layer.get())) {
        halo = fusing->input_halo();
      } else if (dynamic_cast<const Add*>(node.layer.get())) {
        halo = halos[step->result];
        for (const Value term : node.inputs) halo = std::max(halo, term < 0 ? 0 : halos[term]);
        need(step->result, halo);
      }
      for (const Value input : node.inputs) need(input, halo);
      if (step->addend < 0) continue;
      need(step->result, halos[step->addend]);
      need(step->addend, halos[step->result]);
    }
  }
  for (Step& step : steps_) step.fused.halo = halos[step.result];
}

Plan::Step Plan::step_from(const Graph& graph, int node, const std::vector<int>& takers,
                           const std::vector<Shape>& shapes, FoldedNorms& norms) const {
  static const Tensor some;
  Step step{.node = node, .result = node, .fused = {}};
  const auto* layer = dynamic_cast<const Fusing*>(graph.nodes()[node].layer.get());
  if (!layer || !fuse_) return step;
  // Takes the next node in, if the layer can do what it asks for together with the rest.
  const auto take = [&](const Epilogue& epilogue) {
    if (!layer->fuses(epilogue, shapes[node])) return false;
    step.fused = epilogue;
    step.result = takers[step.result];
    return true;
  };
  const auto next = [&]() -> const Module* {
    const int taker = takers[step.result];
    return taker == kNone ? nullptr : graph.nodes()[taker].layer.get();
  };
  Epilogue epilogue;
  const auto* norm = recording_ ? nullptr : dynamic_cast<const BatchNorm*>(next());
  if (norm && !norm->training()) {
    auto& folded = norms[node];
    if (!folded) folded = std::make_shared<Folded>(*norm);
    epilogue.norm = folded.get();
    if (!take(epilogue)) epilogue.norm = nullptr;
  }
  if (!recording_ && dynamic_cast<const Add*>(next())) {
    const std::vector<Value>& terms = graph.nodes()[takers[step.result]].inputs;
    const Value addend = terms[0] == step.result ? terms[1] : terms[0];
    epilogue.addend = &some;
    if (terms.size() == 2 && take(epilogue))
      step.addend = addend;
    else
      epilogue.addend = nullptr;
  }
  epilogue.relu = true;
  if (dynamic_cast<const ReLU6*>(next()))
    epilogue.relu_limit = 6;
  else if (!dynamic_cast<const ReLU*>(next()))
    return step;
  if (!take(epilogue)) return step;
  epilogue.max_pool = true;
  if (next() && halves(*next())) take(epilogue);
  return step;
}

bool Plan::fits(const Graph& graph, const Shape& input, bool recording, bool fuse) const {
  if (!(input == input_) || recording != recording_ || fuse != fuse_) return false;
  for (std::size_t i = 0; i < training_.size(); ++i)
    if (graph.nodes()[i].layer->training() != training_[i]) return false;
  return true;
}

Tensor Plan::run(const Graph& graph, const Tensor& x, const Observer& see) const {
  std::vector<Tensor> values(graph.nodes().size());
  const auto value = [&](Value v) -> const Tensor& { return v == kInput ? x : values[v]; };
  for (const Step& step : steps_) {
    const Node& node = graph.nodes()[step.node];
    const Tensor& first = value(node.inputs[0]);
    Epilogue epilogue = step.fused;
    if (epilogue.addend) epilogue.addend = &value(step.addend);
    if (see) see(step, first, epilogue);
    Tensor result;
    auto* fusing = fuse_ ? dynamic_cast<Fusing*>(node.layer.get()) : nullptr;
    if (fusing) {
      result = fusing->forward_fused(first, epilogue);
    } else if (node.inputs.size() == 1) {
      result = node.layer->forward(first);
    } else {
      std::vector<Tensor> inputs;
      for (const Value input : node.inputs) inputs.push_back(value(input));
      result = node.layer->forward_all(inputs);
    }
    if (!fuse_ && Observe::active()) Observe::show(*node.layer, first, result);
    for (const Value last : step.last_uses) values[last] = Tensor();
    values[step.result] = std::move(result);
  }
  return steps_.empty() ? x : values.back();
}

std::shared_ptr<const Plan> Plans::plan(const Graph& graph, const Shape& input, bool recording,
                                        bool fuse) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(plans_.begin(), plans_.end(), [&](const auto& plan) {
    return plan->fits(graph, input, recording, fuse);
  });
  if (found == plans_.end()) {
    if (plans_.size() == kKept) plans_.erase(plans_.begin());
    plans_.push_back(std::make_shared<const Plan>(graph, input, recording, fuse, norms_));
  } else {
    std::rotate(found, found + 1, plans_.end());
  }
  return plans_.back();
}

Tensor Plans::run(const Graph& graph, const Tensor& x, const Plan::Observer& see) {
  return plan(graph, x.shape(), grad_enabled(), !Observe::active())->run(graph, x, see);
}

void Plans::clear() {
  const std::lock_guard lock(mutex_);
  plans_.clear();
  norms_.clear();
}

}  // namespace espalier::layers
