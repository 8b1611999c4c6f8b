// SparseConv2d: the convolutional layer with a sparse weight.
#pragma once

#include "core/sparse_pattern.h"
#include "layers/conv.h"
#include "layers/folded.h"

namespace espalier::layers {

// As Conv2d, where the weight [O, C, kernel, kernel] is zero outside its pattern.
// State: the pattern, weight (its values) [nonzero], bias [O].
class SparseConv2d : public Module, public Fusing {
 public:
  // A pattern of shape [O, C, kernel, kernel]; the options' kernel has to be the same.
  explicit SparseConv2d(Pattern pattern, const Conv2dOptions& options = {});
  explicit SparseConv2d(const Config& config);  // without a pattern

  std::string type() const override { return "SparseConv2d"; }
  Config config() const override;
  Tensor forward(const Tensor& x) override { return forward_fused(x, {}); }
  bool fuses(const Epilogue& epilogue, const Shape& input) const override;
  Tensor forward_fused(const Tensor& x, const Epilogue& epilogue) override;
  Shape output_shape(const Shape& input) const override;
  Macs macs(const Shape& input) const override;
  void state(StateVisitor& visitor) override;
  void initialize(const Rng& rng) override;  // the dense layer's first values, where they are kept
  std::shared_ptr<Module> copy() const override { return std::make_shared<SparseConv2d>(*this); }

  // Whoever assigns another pattern and its values says so here.
  std::int64_t in_channels, out_channels, nonzero;
  Conv2dOptions options;
  Pattern pattern;
  Parameter weight, bias;

 private:
  Shape dense() const { return {out_channels, in_channels, options.kernel, options.kernel}; }

  Folded folded_;
};

}  // namespace espalier::layers
