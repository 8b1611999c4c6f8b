// Conv2d: the convolutional layer.
#pragma once

#include "core/ops/conv.h"
#include "layers/fusion.h"
#include "layers/module.h"

namespace espalier::layers {

struct Conv2dOptions {
  Pair kernel = 3;
  Pair stride = 1;
  Sides padding = 0;
  Pair dilation = 1;
  int groups = 1;
  bool bias = true;
};

// x [N, C, H, W] -> [N, O, H', W'], see conv2d() in core/ops/conv.h.
// State: weight [O, C / groups, KH, KW] in any format, bias [O]. As many groups as channels make a
// depthwise convolution.
class Conv2d : public Module, public Fusing {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, const Conv2dOptions& options = {});
  explicit Conv2d(const Config& config);

  std::string type() const override { return "Conv2d"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override { return forward_fused(x, {}); }
  bool fuses(const Epilogue& epilogue, const Shape& input) const override;
  int input_halo() const override;
  Tensor forward_fused(const Tensor& x, const Epilogue& epilogue) override;
  Shape output_shape(const Shape& input) const override;
  Macs macs(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  void state(StateVisitor& visitor) override;
  void take_sizes() override;
  void initialize(const Rng& rng) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Conv2d>(*this); }

  std::int64_t in_channels, out_channels;
  Conv2dOptions options;
  Parameter weight, bias;

 private:
  Shape weight_shape() const;
  bool depthwise() const { return options.groups > 1 && options.groups == in_channels; }
};

}  // namespace espalier::layers
