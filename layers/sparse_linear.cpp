// SparseLinear: options, shapes, and the call of the operation.
#include "layers/sparse_linear.h"

#include <utility>

#include "core/error.h"
#include "core/ops/sparse_linear.h"
#include "layers/sparse.h"

namespace espalier::layers {

SparseLinear::SparseLinear(Pattern given, const LinearOptions& options)
    : options(options), pattern(std::move(given)) {
  check(pattern && pattern->dense().rank() == 2, "SparseLinear: found ",
        pattern ? "a pattern of shape " + pattern->dense().str() : "no pattern",
        ", expected one of shape [O, I]");
  in_features = pattern->dense()[1];
  out_features = pattern->dense()[0];
  nonzero = pattern->nonzero();
}

SparseLinear::SparseLinear(const Config& config)
    : in_features(config.integer("in_features", 1, kMaxFeatures)),
      out_features(config.integer("out_features", 1, kMaxFeatures)),
      nonzero(config.integer("nonzero", 0, most_nonzero({out_features, in_features}))),
      options{.bias = config.flag("bias")} {}

Config SparseLinear::config() const {
  return Config()
      .set("in_features", in_features)
      .set("out_features", out_features)
      .set("nonzero", nonzero)
      .set("bias", options.bias);
}

Shape SparseLinear::output_shape(const Shape& input) const {
  return linear_output_shape(*this, in_features, out_features, input);
}

Tensor SparseLinear::forward(const Tensor& x) {
  output_shape(x.shape());  // an error names this layer
  check_filled(*this, pattern, weight);
  return sparse_linear(x, weight, pattern, bias);
}

Macs SparseLinear::macs(const Shape&) const {
  return {out_features * in_features, weight.defined() ? weight.nonzero() : 0};
}

void SparseLinear::state(StateVisitor& visitor) {
  visitor.pattern("weight", pattern, {out_features, in_features}, nonzero);
  visitor.parameter("weight", weight, {nonzero});
  if (options.bias) visitor.parameter("bias", bias, {out_features});
}

void SparseLinear::initialize(const Rng& rng) {
  initialize_sparse(*this, pattern, weight, options.bias ? bias : Parameter(), rng);
}

}  // namespace espalier::layers
