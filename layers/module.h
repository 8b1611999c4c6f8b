// Module: a part of a network. A leaf is a layer that computes; a container runs other modules, its
// children. A network is a tree of modules, and everything about it (parameters, files, shapes,
// groups of coupled channels) is found by walking that tree.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/tensor.h"
#include "layers/channels.h"
#include "layers/config.h"
#include "layers/state.h"

namespace espalier::layers {

// A module and its name within its parent: letters, digits, '_' and '-'. The empty name is for a
// part that stands for its parent: what is in it counts as the parent's own (see Residual).
struct Child {
  Child(std::string name, std::shared_ptr<Module> module);
  template <std::derived_from<Module> M>
  Child(std::string name, M module)
      : Child(std::move(name), std::shared_ptr<Module>(std::make_shared<M>(std::move(module)))) {}

  std::string name;
  std::shared_ptr<Module> module;
};

// Multiply-adds for one image: of all weights, and of those that are not zero.
struct Macs {
  std::int64_t dense = 0, nonzero = 0;
};

using ShapeObserver = std::function<void(Module& leaf, const Shape& input, const Shape& output)>;

class Module {
 public:
  virtual ~Module() = default;

  // The kind of layer and its options, from which a file builds it again (layers/registry.h).
  virtual std::string type() const = 0;
  virtual Config config() const { return {}; }

  // Runs the layer. Containers call their children in this way, so that Observe sees each leaf.
  Tensor operator()(const Tensor& x);
  virtual Tensor forward(const Tensor& x) = 0;

  // The shape that forward() gives, batch included, without running it. An error names the layer.
  virtual Shape output_shape(const Shape& input) const = 0;
  // As output_shape(), and shows each leaf on the way with its shapes, in the order they run.
  virtual Shape trace(const Shape& input, const ShapeObserver& see);
  virtual Macs macs(const Shape& /*input*/) const { return {}; }

  // How the channels of the input become those of the output: what pruning needs to know. A layer
  // that does not say so pins its channels: none of them can be removed.
  virtual Channels pass_channels(ChannelWalk& walk, const Channels& in) {
    return walk.opaque(*this, in);
  }

  // What this module itself keeps, children apart: parameters, buffers, counters.
  virtual void state(StateVisitor&) {}
  // States the sizes of the tensors that it has by now: somebody cut them.
  virtual void take_sizes() {}
  // Gives the state its first values, from streams split off the generator.
  virtual void initialize(const Rng&) {}
  // `return std::make_shared<TheLayer>(*this);` clone() in layers/tree.h makes a deep copy of it.
  virtual std::shared_ptr<Module> copy() const = 0;

  // Children in the order of the state_dict. Whoever changes them names the tree anew
  // (layers/tree.h).
  const std::vector<Child>& children() const { return children_; }
  std::vector<Child>& children() { return children_; }

  // The dotted path from the model down to here, "layer1.0.conv1"; empty outside a model.
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  std::string label() const { return name_.empty() ? type() : name_; }  // for messages

  // Whether batch norm takes the batch's statistics and dropout drops, here and below.
  bool training() const { return training_; }
  void train(bool on = true);
  void eval() { train(false); }

 private:
  std::vector<Child> children_;
  std::string name_;
  bool training_ = true;
};

}  // namespace espalier::layers
