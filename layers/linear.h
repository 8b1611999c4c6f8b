// Linear: the fully connected layer.
#pragma once

#include "layers/module.h"

namespace espalier::layers {

struct LinearOptions {
  bool bias = true;
};

// x [N, I] -> x weight^T + bias, [N, O]. State: weight [O, I] in any format, bias [O].
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});
  explicit Linear(const Config& config);

  std::string type() const override { return "Linear"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  Macs macs(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  void state(StateVisitor& visitor) override;
  void take_sizes() override;
  void initialize(const Rng& rng) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Linear>(*this); }

  std::int64_t in_features, out_features;
  LinearOptions options;
  Parameter weight, bias;
};

}  // namespace espalier::layers
