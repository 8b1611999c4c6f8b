// SparseLinear: the fully connected layer with a sparse weight.
#pragma once

#include "core/sparse_pattern.h"
#include "layers/linear.h"

namespace espalier::layers {

// x [N, I] -> x weight^T + bias, [N, O], where the weight [O, I] is zero outside its pattern.
// State: the pattern, weight (its values) [nonzero], bias [O].
class SparseLinear : public Module {
 public:
  explicit SparseLinear(Pattern pattern, const LinearOptions& options = {});  // of shape [O, I]
  explicit SparseLinear(const Config& config);                                // without a pattern

  std::string type() const override { return "SparseLinear"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  Macs macs(const Shape& input) const override;
  void state(StateVisitor& visitor) override;
  void initialize(const Rng& rng) override;  // the dense layer's first values, where they are kept
  std::shared_ptr<Module> copy() const override { return std::make_shared<SparseLinear>(*this); }

  // Whoever assigns another pattern and its values says so here.
  std::int64_t in_features, out_features, nonzero;
  LinearOptions options;
  Pattern pattern;
  Parameter weight, bias;
};

}  // namespace espalier::layers
