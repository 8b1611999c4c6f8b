// Linear: the fully connected layer.
#pragma once

#include "layers/module.h"

namespace espalier::layers {

struct LinearOptions {
  bool bias = true;
};

// x [N, I] -> x weight^T + bias, [N, O]. State: weight [O, I], bias [O].
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});
  explicit Linear(const Config& config);

  std::string type() const override { return "Linear"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  Macs macs(const Shape& input) const override;
  void state(StateVisitor& visitor) override;
  void initialize(const Rng& rng) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Linear>(*this); }

  // Whoever assigns tensors of another shape says so here.
  std::int64_t in_features, out_features;
  LinearOptions options;
  Parameter weight, bias;
};

// [N, in_features] -> [N, out_features], for layers with a dense or a sparse weight. An error names
// the layer.
Shape linear_output_shape(const Module& layer, std::int64_t in_features, std::int64_t out_features,
                          const Shape& input);

}  // namespace espalier::layers
