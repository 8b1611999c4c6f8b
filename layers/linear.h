// Linear: the fully connected layer, and what it shares with the convolutional one.
#pragma once

#include "layers/module.h"

namespace espalier::layers {

// Makes its outputs of its inputs with a weight in any format, [O, ...], and perhaps a bias [O].
class Weighted : public Module {
 public:
  Macs macs(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  void state(StateVisitor& visitor) override;
  void initialize(const Rng& rng) override;

  Parameter weight, bias;

 protected:
  virtual Shape weight_shape() const = 0;
  virtual Product product() = 0;
  void expect_weight() const;  // an Error where there is none yet
};

struct LinearOptions {
  bool bias = true;
};

// x [N, I] -> x weight^T + bias, [N, O]. State: weight [O, I], bias [O].
class Linear : public Kind<"Linear", Linear, Weighted> {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});

  void describe(Options& all) override;
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  void take_sizes() override;

  std::int64_t in_features, out_features;
  LinearOptions options;

 protected:
  Shape weight_shape() const override { return {out_features, in_features}; }
  Product product() override { return {weight, bias, options.bias, false}; }
};

}  // namespace espalier::layers
