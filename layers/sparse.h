// Sparse layers: from dense layers and back, and what they share.
#pragma once

#include <memory>

#include "core/sparse_pattern.h"
#include "layers/module.h"

namespace espalier::layers {

// Whether a layer is a SparseConv2d or SparseLinear.
bool is_sparse(const Module& layer);

// Conv2d -> SparseConv2d, Linear -> SparseLinear: a layer that computes the same, to be put in the
// place of the dense one (Model::replace), which is used up: its parameters are the new layer's,
// with another shape, so an optimiser made before goes on. The pattern is where the weight's mask
// is 1 or, without a mask, where the weight is not exactly zero; values and optimiser states are
// gathered there. An Error for any other layer, or one without tensors.
std::shared_ptr<Module> to_sparse(Module& dense);

// And back: values and states scattered, masked outside the pattern (no mask where all is kept).
std::shared_ptr<Module> to_dense(Module& sparse);

// ---- For the sparse layers ----------------------------------------------------------------------

// The most values that a file may declare for a weight of this shape.
std::int64_t most_nonzero(const Shape& dense);

// An Error that names the layer where there is no pattern, or no weight that fits it.
void check_filled(const Module& layer, const Pattern& pattern, const Tensor& weight);

// Fills values and bias (undefined: none) with what the dense layer would begin with.
void initialize_sparse(const Module& layer, const Pattern& pattern, Tensor weight, Tensor bias,
                       const Rng& rng);

}  // namespace espalier::layers
