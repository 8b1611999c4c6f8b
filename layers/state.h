// State: what a layer keeps from one call to the next, shown to whoever asks. A layer describes its
// state once; listing, counting, copying, saving and loading are visitors over that description.
#pragma once

#include <cstdint>
#include <string>

#include "core/parameter.h"

namespace espalier::layers {

// Names and shapes are those of a PyTorch state_dict. Parameters and buffers may still be without a
// tensor: a layer just built takes no memory before it is initialised or loaded. The shape is what
// the layer's options ask for.
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

}  // namespace espalier::layers
