// Model: a handle on a whole network, the shape of its input and its name. Copies of a handle are
// the same network; clone() makes another one.
//
// Threads: any number of threads may run one network at once, on inputs of their own or the same
// ones, where it is in evaluation mode and each thread records no tape (NoGrad holds for the thread
// that makes it); the results have the same bits as those of one thread alone. Networks of which
// each is used by one thread may be trained at once. Whatever changes a network (training, loading,
// pruning, train() where it changes the mode) may not run beside anything else that uses it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/parameter.h"
#include "layers/graph.h"
#include "layers/origin.h"
#include "layers/plan.h"
#include "layers/visit.h"

namespace espalier::layers {

//   Model net(Sequential{{"fc1", Linear(784, 100)}, {"relu", ReLU()}, {"fc2", Linear(100, 10)}},
//             {784}, /*seed=*/0);
//   Tensor logits = net(x);  // x [N, 784]
// Graphs that are no chain are built with Residual, Branches (layers/blocks.h), or node by node
// (layers/graph.h).
class Model {
 public:
  Model() = default;  // no network; defined() is false

  // A network for inputs of this shape, [C, H, W] or [F], with first values drawn from the seed. An
  // error names the layer that does not fit the one before it.
  Model(Graph graph, const Shape& input, std::uint64_t seed = 0, std::string name = "");
  template <class Part>
  requires std::derived_from<Part, Module> || std::derived_from<Part, Block> Model(
      Part part, const Shape& input, std::uint64_t seed = 0, std::string name = "")
      : Model(graph_of(Child("", std::move(part))), input, seed, std::move(name)) {}
  // A network whose tensors are there already, as they are.
  Model(Graph graph, const Shape& input, std::string name);

  bool defined() const { return network_ != nullptr; }
  Tensor operator()(const Tensor& x) const;  // x [N, C, H, W] or [N, F]
  // The same, and shows each step of the plan (layers/plan.h).
  Tensor run(const Tensor& x, const Plan::Observer& see) const;

  std::vector<Parameter> parameters() const;  // named "conv1.weight", in the state_dict's order
  std::vector<std::pair<std::string, Tensor>> buffers() const;  // running statistics
  Parameter parameter(const std::string& name) const;           // an error where there is none

  void train(bool on = true) const;
  void eval() const { train(false); }
  bool training() const;

  // New first values for everything, from the seed.
  void initialize(std::uint64_t seed) const;
  Model clone() const;

  const Graph& graph() const;
  const std::vector<Node>& nodes() const { return graph().nodes(); }
  Module& find(const std::string& name) const;  // "layer1.0.conv1"; an error where there is none
  // Puts another layer in the place of one. Tensors inside come along as they are.
  void replace(const std::string& name, std::shared_ptr<Module> layer) const;
  // See Graph::bypass().
  void bypass(const std::string& name, Value value) const;
  // Becomes what another network of the same layers has become: takes its graph and layers over.
  // Parameters of the same name stay the same ones and get the other's content; the other is empty
  // afterwards.
  void adopt(Model&& other) const;
  // After a change to layers: names parameters, checks that the shapes fit, and forgets plans.
  void update() const;

  // What the network was before parts of it left; null where none ever did. Whoever takes some out
  // sets it before, if there is none.
  const Origin* origin() const;
  void set_origin(Origin origin) const;

  const std::string& name() const;               // "convnet"; may be empty
  const Shape& input_shape() const;              // of one image, [C, H, W] or [F]
  std::int64_t outputs() const;                  // values for each image: the number of classes
  Shape batch_shape(std::int64_t images) const;  // [N, C, H, W] or [N, F]

 private:
  struct Network {
    Graph graph;
    Shape input;
    std::string name;
    std::optional<Origin> origin = {};
    Plans plans = {};
    std::mutex evaluation_mutex = {};
    std::weak_ptr<void> evaluation = {};  // while it lives; puts the modes back at its end
  };
  static Graph graph_of(const Child& child);
  Network& network() const;
  friend class EvaluationMode;

  std::shared_ptr<Network> network_;
};

// The network's outputs for pictures [N, C, H, W], flattened where it takes features.
Tensor outputs_of(const Model& model, const Tensor& pictures);

// Evaluation mode while it lives; then each layer's mode that was before, also when an error ends
// it. Where several live at once, on one thread or on many, the last of them puts the modes back.
class EvaluationMode {
 public:
  explicit EvaluationMode(const Model& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model model_;
  std::shared_ptr<void> evaluation_;
};

inline void visit_state(const Model& model, StateVisitor& visitor) {
  visit_state(model.graph(), visitor);
}

// Tells a network's weights from others': 16 hexadecimal digits over all parameters, sparse
// patterns, buffers and counters, the same for the same bits, before a file is written and after it
// is read. Masks and optimiser state do not count, since the outputs do not depend on them. The
// model has its tensors.
std::string fingerprint(const Model& model);

// What a layer shows as its weight (StateVisitor::weight); not defined where there is none.
Parameter weight_of(Module& layer);
bool is_sparse(Module& layer);  // whether its weight is in CSR

}  // namespace espalier::layers
