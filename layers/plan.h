// Plan: how a graph is run. Made once for a mode and an input shape: which layers run together in
// one pass over the output, in which order, and when each result is used for the last time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/tensor.h"
#include "layers/folded.h"
#include "layers/fusion.h"
#include "layers/graph.h"

namespace espalier::layers {

// A batch norm in evaluation that runs with the layer in front of it, by that layer's node.
using FoldedNorms = std::map<int, std::shared_ptr<Folded>>;

// A convolution or batch norm takes in what follows it where nobody else takes its output: a ReLU,
// and 2x2 max-pooling behind it; where nothing is recorded, before these, a batch norm in
// evaluation and a sum.
class Plan {
 public:
  // Layers that run as one.
  struct Step {
    int node;                           // the first of them
    Value result;                       // the last of them
    Epilogue fused;                     // what the others ask for; `addend` is set when it runs
    Value addend = kInput - 1;          // the value to add
    std::vector<Value> last_uses = {};  // values that nobody takes after this step
  };

  // `fuse`: whether layers run together at all. Folded batch norms are added to `norms`.
  Plan(const Graph& graph, const Shape& input, bool recording, bool fuse, FoldedNorms& norms);

  // Sees each step before it runs, with the input of its first layer.
  using Observer =
      std::function<void(const Step& step, const Tensor& input, const Epilogue& epilogue)>;
  Tensor run(const Graph& graph, const Tensor& x, const Observer& see = {}) const;
  const std::vector<Step>& steps() const { return steps_; }
  bool fits(const Graph& graph, const Shape& input, bool recording, bool fuse) const;

 private:
  Step step_from(const Graph& graph, int node, const std::vector<int>& takers,
                 const std::vector<Shape>& shapes, FoldedNorms& norms) const;
  void set_halos(const Graph& graph);

  Shape input_;
  bool recording_, fuse_;
  std::vector<bool> training_;  // of each layer, when the plan was made
  std::vector<Step> steps_;
};

// The plans of one network. Several threads may run it at once.
class Plans {
 public:
  Tensor run(const Graph& graph, const Tensor& x, const Plan::Observer& see = {});
  std::shared_ptr<const Plan> plan(const Graph& graph, const Shape& input, bool recording,
                                   bool fuse);
  void clear();  // the graph has changed

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Plan>> plans_;  // the last one used comes last
  FoldedNorms norms_;
};

}  // namespace espalier::layers
