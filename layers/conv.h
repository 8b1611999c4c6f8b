// Conv2d: the convolutional layer.
#pragma once

#include "core/ops/conv.h"
#include "layers/fusion.h"
#include "layers/linear.h"

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
// State: weight [O, C / groups, KH, KW], bias [O]. As many groups as channels make a depthwise
// convolution.
class Conv2d : public Kind<"Conv2d", Conv2d, Weighted>, public Fusing {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, const Conv2dOptions& options = {});

  void describe(Options& all) override;
  Tensor forward(const Tensor& x) override { return forward_fused(x, {}); }
  bool fuses(const Epilogue& epilogue, const Shape& input) const override;
  int input_halo() const override;
  Tensor forward_fused(const Tensor& x, const Epilogue& epilogue) override;
  Shape output_shape(const Shape& input) const override;
  void take_sizes() override;

  std::int64_t in_channels, out_channels;
  Conv2dOptions options;

 protected:
  Shape weight_shape() const override;
  Product product() override;

 private:
  void check_options() const;
};

}  // namespace espalier::layers
