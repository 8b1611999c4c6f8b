// Fusion: layers that can do what follows them in their own pass over the output. The plan
// (layers/plan.h) asks for it; the result is the same, and a user never sees it.
#pragma once

#include "core/ops/layout.h"
#include "core/ops/relu_limit.h"
#include "core/tensor.h"

namespace espalier::layers {

class Folded;

// What comes after the layer.
struct Epilogue {
  // A batch norm in evaluation, when nothing is recorded: first of all, folded into the weights
  // (layers/folded.h).
  Folded* norm = nullptr;
  // Added to the output, of whose shape it is, when nothing is recorded: a residual's other path.
  const Tensor* addend = nullptr;
  bool relu = false;
  float relu_limit = kNoLimit;  // 6 for ReLU6
  bool max_pool = false;        // 2x2 windows, stride 2, after the ReLU
  // Zeroed pixels around each plane of the result, which those that take it read.
  int halo = kDefaultHalo;
};

class Fusing {
 public:
  virtual ~Fusing() = default;
  // Whether the layer can do all of this for an input of this shape.
  virtual bool fuses(const Epilogue& epilogue, const Shape& input) const = 0;
  // Pixels around the planes of its input that the layer reads.
  virtual int input_halo() const = 0;
  virtual Tensor forward_fused(const Tensor& x, const Epilogue& epilogue) = 0;
};

}  // namespace espalier::layers
