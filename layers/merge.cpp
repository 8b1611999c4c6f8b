// Layers of several inputs: shapes, channels, and the calls of the operations.
#include "layers/merge.h"

#include "core/error.h"
#include "core/ops/concat.h"
#include "core/ops/elementwise.h"

namespace espalier::layers {
namespace {

std::vector<Shape> shapes_of(std::span<const Tensor> inputs) {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  return shapes;
}

}  // namespace

Shape Add::output_shape_all(std::span<const Shape> inputs) const {
  for (const Shape& input : inputs)
    if (!(input == inputs[0])) [[unlikely]]
      fail(label(), ": found ", inputs[0].str(), " and ", input.str(),
           " to add, expected equal shapes");
  return inputs[0];
}

Tensor Add::forward_all(std::span<const Tensor> inputs) {
  output_shape_all(shapes_of(inputs));  // an error names this layer
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

Tensor Mul::forward_all(std::span<const Tensor> inputs) {
  output_shape_all(shapes_of(inputs));
  return mul(inputs[0], inputs[1]);
}

Channels Mul::pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) {
  return walk.product(*this, inputs[0], inputs[1]);
}

Shape Concat::output_shape_all(std::span<const Shape> inputs) const {
  std::vector<std::int64_t> sizes = inputs[0].sizes();
  for (const Shape& input : inputs) {
    bool fits = input.rank() == inputs[0].rank() && (input.rank() == 4 || input.rank() == 2);
    for (int d = 0; fits && d < input.rank(); ++d) fits = d == 1 || input[d] == inputs[0][d];
    if (!fits) [[unlikely]]
      fail(label(), ": found ", inputs[0].str(), " and ", input.str(),
           " to concatenate, expected shapes that differ in their channels at most");
    if (&input != &inputs[0]) sizes[1] += input[1];
  }
  return Shape(sizes);
}

Tensor Concat::forward_all(std::span<const Tensor> inputs) {
  output_shape_all(shapes_of(inputs));
  return concat(inputs);
}

Channels Concat::pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) {
  return walk.concatenation(*this, inputs);
}

}  // namespace espalier::layers
