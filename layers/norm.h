// BatchNorm: batch normalisation of images [N, C, H, W] or features [N, C], PyTorch's BatchNorm2d
// and BatchNorm1d.
#pragma once

#include "layers/fusion.h"
#include "layers/module.h"

namespace espalier::layers {

struct BatchNormConfig {
  float eps = 1e-5f;
  float momentum = 0.1f;  // weight of the new batch in the running statistics
};

// State, each [C]: weight (scale) and bias (shift), trained; running_mean and running_var, gathered
// in training and used in evaluation; num_batches_tracked.
class BatchNorm : public Kind<"BatchNorm", BatchNorm>, public Fusing {
 public:
  explicit BatchNorm(std::int64_t channels, const BatchNormConfig& options = {});

  void describe(Options& all) override;
  Tensor forward(const Tensor& x) override { return forward_fused(x, {}); }
  bool fuses(const Epilogue& epilogue, const Shape& input) const override;
  int input_halo() const override { return 0; }
  Tensor forward_fused(const Tensor& x, const Epilogue& epilogue) override;
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  void state(StateVisitor& visitor) override;
  void take_sizes() override;
  void initialize(const Rng& rng) override;

  std::int64_t channels;
  BatchNormConfig options;
  Parameter weight, bias;
  Tensor running_mean, running_var;
  std::int64_t num_batches_tracked = 0;
};

}  // namespace espalier::layers
