// Module: a layer. A network (layers/graph.h) is a list of layers, and everything about it
// (parameters, files, shapes, groups of coupled channels) is found by asking each of them.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "core/parameter.h"
#include "core/rng.h"
#include "core/tensor.h"
#include "layers/channels.h"
#include "layers/config.h"

namespace espalier::layers {

// Multiply-adds for one image: of all weights, and of those that are not zero.
struct Macs {
  std::int64_t dense = 0, nonzero = 0;
};

// What a layer keeps from one call to the next, shown to whoever asks: listing, copying, saving and
// loading follow from one description. Names and shapes are those of a PyTorch state_dict.
// Parameters and buffers may still be without a tensor: a layer just built takes no memory before
// it is initialised or loaded. The shape is what the layer's options ask for.
class StateVisitor {
 public:
  virtual ~StateVisitor() = default;
  virtual void parameter(const std::string& /*name*/, Parameter&, const Shape&) {}
  // A parameter that may be in any format, since the layer gives it to operations that take it so.
  // The shape is that of all elements, as Parameter::dense_shape().
  virtual void weight(const std::string& name, Parameter& p, const Shape& dense) {
    parameter(name, p, dense);
  }
  virtual void buffer(const std::string& /*name*/, Tensor&, const Shape&) {}
  virtual void counter(const std::string& /*name*/, std::int64_t&) {}  // of steps; a scalar
};

// Layers of one input define the functions of one; those of several derive from Merge
// (layers/merge.h).
class Module {
 public:
  virtual ~Module() = default;

  // The kind of layer and its options, from which a file builds it again (layers/registry.h).
  virtual std::string type() const = 0;
  // Names the options, each once: so they are both written and read. An Error where those that
  // were read do not go together.
  virtual void describe(Options&) {}
  Config config() const;

  virtual bool takes(std::size_t inputs) const { return inputs == 1; }
  virtual Tensor forward(const Tensor& x) = 0;
  virtual Tensor forward_all(std::span<const Tensor> inputs) { return forward(inputs[0]); }
  // The same; an Error names the layer where the input does not fit.
  Tensor operator()(const Tensor& x) {
    output_shape(x.shape());
    return forward(x);
  }

  // The shape that forward() gives, batch included, without running it. An Error names the layer.
  virtual Shape output_shape(const Shape& input) const = 0;
  virtual Shape output_shape_all(std::span<const Shape> inputs) const {
    return output_shape(inputs[0]);
  }
  virtual Macs macs(const Shape& /*input*/) const { return {}; }

  // How the channels of the input become those of the output: what pruning needs to know. A layer
  // that does not say so pins its channels: none of them can be removed.
  virtual Channels pass_channels(ChannelWalk& walk, const Channels& in) {
    return walk.opaque(*this, {&in, 1});
  }
  virtual Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) {
    return pass_channels(walk, inputs[0]);
  }

  // What the layer keeps: parameters, buffers, counters.
  virtual void state(StateVisitor&) {}
  // States the sizes of the tensors that it has by now: somebody cut them.
  virtual void take_sizes() {}
  // Gives the state its first values, from streams split off the generator.
  virtual void initialize(const Rng&) {}
  // `return std::make_shared<TheLayer>(*this);` clone() in layers/visit.h makes a deep copy of it.
  virtual std::shared_ptr<Module> copy() const = 0;

  // The dotted path within the model, "layer1.0.conv1"; empty outside one.
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  std::string label() const { return name_.empty() ? type() : name_; }  // for messages

  // Whether batch norm takes the batch's statistics and dropout drops.
  bool training() const { return training_; }
  void train(bool on = true) {
    if (training_ != on) training_ = on;  // another thread may be running the network
  }
  void eval() { train(false); }

 private:
  std::string name_;
  bool training_ = true;
};

inline Config Module::config() const {
  Options written;
  const_cast<Module*>(this)->describe(written);  // which then changes nothing
  return written.config();
}

template <std::size_t N>
struct TypeName {
  constexpr TypeName(const char (&name)[N]) { std::copy_n(name, N, text); }
  char text[N];
};

// What every class of layers says of itself: the name of its type in files, and how it is copied.
template <TypeName kType, class Self, class Base = Module>
class Kind : public Base {
 public:
  using Base::Base;
  std::string type() const override { return kType.text; }
  std::shared_ptr<Module> copy() const override {
    return std::make_shared<Self>(static_cast<const Self&>(*this));
  }
};

}  // namespace espalier::layers
