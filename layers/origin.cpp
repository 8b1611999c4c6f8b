// Origin: measuring.
#include "layers/origin.h"

#include "layers/model.h"

namespace espalier::layers {

Origin measure(const Model& model) {
  Origin origin;
  model.graph().trace(model.batch_shape(1), [&](Module& leaf, const Shape& input, const Shape&) {
    const Parameter weight = weight_of(leaf);
    if (weight.defined())
      origin.layers[leaf.name()] = {weight.dense_shape()[0], weight.dense_shape().numel(),
                                    leaf.macs(input).dense};
  });
  return origin;
}

}  // namespace espalier::layers
