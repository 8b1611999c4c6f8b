// Flatten: from images to features. Channel c becomes the features c H W ... (c + 1) H W - 1, which
// ties every channel to that many columns of the linear layer behind.
#pragma once

#include "layers/module.h"

namespace espalier::layers {

// [N, C, H, W] -> [N, C H W]; features [N, F] pass.
class Flatten : public Module {
 public:
  Flatten() = default;
  explicit Flatten(const Config&) {}
  std::string type() const override { return "Flatten"; }
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Flatten>(*this); }
};

}  // namespace espalier::layers
