// Pooling layers: over windows, and over whole planes.
#pragma once

#include "core/ops/pool.h"
#include "layers/module.h"

namespace espalier::layers {

// What the two windowed kinds share. x [N, C, H, W] -> [N, C, H', W'], sizes as in PoolOptions.
class Pool2d : public Module {
 public:
  explicit Pool2d(const PoolOptions& options);
  explicit Pool2d(const Config& config);

  Config config() const override;
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override {
    return walk.passed(*this, in);
  }

  PoolOptions options;  // the stride written out
};

class MaxPool2d : public Pool2d {
 public:
  explicit MaxPool2d(const PoolOptions& options = {}) : Pool2d(options) {}
  explicit MaxPool2d(const Config& config) : Pool2d(config) {}
  std::string type() const override { return "MaxPool2d"; }
  Tensor forward(const Tensor& x) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<MaxPool2d>(*this); }
};

class AvgPool2d : public Pool2d {
 public:
  explicit AvgPool2d(const PoolOptions& options = {}) : Pool2d(options) {}
  explicit AvgPool2d(const Config& config) : Pool2d(config) {}
  std::string type() const override { return "AvgPool2d"; }
  Tensor forward(const Tensor& x) override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<AvgPool2d>(*this); }
};

// [N, C, H, W] -> [N, C, 1, 1]: the mean of each plane.
class GlobalAvgPool : public Module {
 public:
  GlobalAvgPool() = default;
  explicit GlobalAvgPool(const Config&) {}
  std::string type() const override { return "GlobalAvgPool"; }
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override {
    return walk.passed(*this, in);
  }
  std::shared_ptr<Module> copy() const override { return std::make_shared<GlobalAvgPool>(*this); }
};

}  // namespace espalier::layers
