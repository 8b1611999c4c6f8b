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
#include "layers/module.h"
#include "layers/origin.h"

namespace espalier::layers {

//   Model net(Sequential{{"fc1", Linear(784, 100)}, {"relu", ReLU()}, {"fc2", Linear(100, 10)}},
//             {784}, /*seed=*/0);
//   Tensor logits = net(x);  // x [N, 784]
class Model {
 public:
  Model() = default;  // no network; defined() is false

  // A network of these layers for inputs of this shape, [C, H, W] or [F], with first values drawn
  // from the seed. An error names the layer that does not fit the one before it.
  template <std::derived_from<Module> M>
  Model(M root, const Shape& input, std::uint64_t seed = 0, std::string name = "")
      : Model(std::make_shared<M>(std::move(root)), input, std::move(name)) {
    initialize(seed);
  }
  // A network whose tensors are there already, as they are.
  Model(std::shared_ptr<Module> root, const Shape& input, std::string name = "");

  bool defined() const { return network_ != nullptr; }
  Tensor operator()(const Tensor& x) const;  // x [N, C, H, W] or [N, F]

  std::vector<Parameter> parameters() const;  // named "conv1.weight", in the state_dict's order
  std::vector<std::pair<std::string, Tensor>> buffers() const;  // running statistics
  Parameter parameter(const std::string& name) const;           // an error where there is none

  void train(bool on = true) const;
  void eval() const { train(false); }
  bool training() const;

  // New first values for everything, from the seed.
  void initialize(std::uint64_t seed) const;
  Model clone() const;

  Module& root() const;
  Module& find(const std::string& name) const;  // "layer1.0.conv1"; an error where there is none
  // Puts another module in the place of one. Tensors inside come along as they are.
  void replace(const std::string& name, std::shared_ptr<Module> module) const;
  // After a change to the tree: gives the paths anew and checks that the shapes fit.
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
  struct Evaluation;
  struct Network {
    std::shared_ptr<Module> root;
    Shape input;
    std::string name;
    std::optional<Origin> origin = {};
    std::mutex evaluation_mutex = {};
    std::weak_ptr<Evaluation> evaluation = {};
  };
  Network& network() const;
  friend class EvaluationMode;

  std::shared_ptr<Network> network_;
};

// The network's outputs for pictures [N, C, H, W], flattened where it takes features.
Tensor outputs_of(const Model& model, const Tensor& pictures);

// Evaluation mode while it lives; then each module's mode that was before, also when an error ends
// it. Where several live at once, on one thread or on many, the last of them puts the modes back.
class EvaluationMode {
 public:
  explicit EvaluationMode(const Model& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model model_;
  std::shared_ptr<Model::Evaluation> evaluation_;
};

// What a layer shows as its weight (StateVisitor::weight); not defined where there is none.
Parameter weight_of(Module& layer);
bool is_sparse(Module& layer);  // whether its weight is in CSR

}  // namespace espalier::layers
