// Layers of several inputs: shapes, and sums of more than two.
#include "layers/merge.h"

#include <vector>

#include "core/error.h"
#include "core/memory.h"

namespace espalier::layers {

void Merge::expect(std::span<const Tensor> inputs) const {
  if (!takes(inputs.size())) [[unlikely]]
    fail(label(), ": found ", inputs.size(), " inputs, which a layer of type ", type(),
         " does not take");
  std::vector<Shape, PoolAllocator<Shape>> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  output_shape_all(shapes);
}

Shape Add::output_shape_all(std::span<const Shape> inputs) const {
  for (const Shape& input : inputs)
    if (!(input == inputs[0])) [[unlikely]]
      fail(label(), ": found ", inputs[0].str(), " and ", input.str(),
           " to add, expected equal shapes");
  return inputs[0];
}

Tensor Add::forward_all(std::span<const Tensor> inputs) {
  expect(inputs);
  Tensor sum = inputs[0];
  for (const Tensor& input : inputs.subspan(1)) sum = add(sum, input);
  return sum;
}

Channels Add::pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) {
  Channels sum = inputs[0];
  for (const Channels& input : inputs.subspan(1)) sum = walk.sum(*this, sum, input);
  return sum;
}

Shape Mul::output_shape_all(std::span<const Shape> inputs) const {
  const Shape &x = inputs[0], &gate = inputs[1];
  const bool per_channel = x.rank() == 4 && gate.rank() == 4 && gate[0] == x[0] &&
                           gate[1] == x[1] && gate[2] == 1 && gate[3] == 1;
  if (!(x == gate) && !per_channel) [[unlikely]]
    fail(label(), ": found ", x.str(), " times ", gate.str(),
         ", expected equal shapes, or a gate [N, C, 1, 1]");
  return x;
}

}  // namespace espalier::layers
