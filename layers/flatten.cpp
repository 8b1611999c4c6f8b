// Flatten: the shape, and the call of the operation.
#include "layers/flatten.h"

#include "core/error.h"
#include "core/ops/pool.h"

namespace espalier::layers {

Shape Flatten::output_shape(const Shape& input) const {
  if (input.rank() != 4 && input.rank() != 2) [[unlikely]]
    fail(label(), ": found input of shape ", input.str(), ", expected images [N, C, H, W]");
  return input.rank() == 2 ? input : Shape{input[0], input[1] * input[2] * input[3]};
}

Tensor Flatten::forward(const Tensor& x) {
  output_shape(x.shape());  // an error names this layer
  return x.shape().rank() == 2 ? x : flatten(x);
}

Channels Flatten::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels out = walk.passed(*this, in);
  const std::int64_t pixels = out.count() / in.count();
  std::vector<int> units;
  out.constants.clear();
  for (std::int64_t c = 0; c < in.count(); ++c) {
    units.insert(units.end(), pixels, (*in.units)[c]);
    out.constants.insert(out.constants.end(), pixels, in.constants[c]);
  }
  out.units = std::make_shared<const std::vector<int>>(std::move(units));
  return out;
}

}  // namespace espalier::layers
