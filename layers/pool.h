// Pooling layers, over windows and over whole planes, and the step from images to features.
#pragma once

#include "core/ops/pool.h"
#include "layers/module.h"

namespace espalier::layers {

// What the two windowed kinds share. x [N, C, H, W] -> [N, C, H', W'], sizes as in PoolOptions.
class Pool2d : public Module {
 public:
  explicit Pool2d(const PoolOptions& options = {});

  void describe(Options& all) override;
  Shape output_shape(const Shape& input) const override {
    return pooled_shape(label(), input, options);
  }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override {
    return walk.passed(*this, in);
  }

  PoolOptions options;  // the stride written out
};

class MaxPool2d : public Kind<"MaxPool2d", MaxPool2d, Pool2d> {
 public:
  using Kind::Kind;
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options); }
};

class AvgPool2d : public Kind<"AvgPool2d", AvgPool2d, Pool2d> {
 public:
  using Kind::Kind;
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, options); }
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
};

// [N, C, H, W] -> [N, C, 1, 1]: the mean of each plane.
class GlobalAvgPool : public Kind<"GlobalAvgPool", GlobalAvgPool> {
 public:
  Tensor forward(const Tensor& x) override { return global_avg_pool(x); }
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override {
    return walk.passed(*this, in);
  }
};

// [N, C, H, W] -> [N, C H W]; features [N, F] pass. Channel c becomes the features c H W ...
// (c + 1) H W - 1, which ties every channel to that many columns of the linear layer behind.
class Flatten : public Kind<"Flatten", Flatten> {
 public:
  Tensor forward(const Tensor& x) override { return flatten(x); }
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
};

}  // namespace espalier::layers
