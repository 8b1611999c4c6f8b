// State: what a layer keeps from one call to the next, shown to whoever asks. A layer describes its
// state once; listing, counting, copying, saving and loading are visitors over that description.
#pragma once

#include <cstdint>
#include <string>

#include "core/parameter.h"
#include "core/sparse_pattern.h"

namespace espalier::layers {

// Names and shapes are those of a PyTorch state_dict. Parameters and buffers may still be without a
// tensor: a layer just built takes no memory before it is initialised or loaded. The shape is what
// the layer's options ask for.
class StateVisitor {
 public:
  virtual ~StateVisitor() = default;
  virtual void parameter(const std::string& /*name*/, Parameter&, const Shape&) {}
  virtual void buffer(const std::string& /*name*/, Tensor&, const Shape&) {}
  // Where the values [nonzero] of the parameter that is shown next, under the same name, are in a
  // weight of the dense shape. May be null, as tensors may be.
  virtual void pattern(const std::string& /*name*/, Pattern&, const Shape& /*dense*/,
                       std::int64_t /*nonzero*/) {}
  virtual void counter(const std::string& /*name*/, std::int64_t&) {}  // of steps; a scalar
};

}  // namespace espalier::layers
