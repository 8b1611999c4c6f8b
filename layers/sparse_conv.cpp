// SparseConv2d: options, shapes, and the call of the operation.
#include "layers/sparse_conv.h"

#include <utility>

#include "core/error.h"
#include "core/ops/sparse_conv.h"
#include "layers/conv_shape.h"
#include "layers/sparse.h"

namespace espalier::layers {
SparseConv2d::SparseConv2d(Pattern given, const Conv2dOptions& options)
    : options(options), pattern(std::move(given)) {
  check(pattern && pattern->dense().rank() == 4 && pattern->dense()[2] == options.kernel &&
            pattern->dense()[3] == options.kernel,
        "SparseConv2d: found ",
        pattern ? "a pattern of shape " + pattern->dense().str() : "no pattern",
        ", expected one of shape [O, C, ", options.kernel, ", ", options.kernel, "]");
  in_channels = pattern->dense()[1];
  out_channels = pattern->dense()[0];
  nonzero = pattern->nonzero();
  check_conv_options("SparseConv2d", in_channels, out_channels, options);
}

SparseConv2d::SparseConv2d(const Config& config)
    : in_channels(config.integer("in_channels", 1, kMaxChannels)),
      out_channels(config.integer("out_channels", 1, kMaxChannels)),
      options{.kernel = static_cast<int>(config.integer("kernel", 1, kMaxKernel)),
              .stride = static_cast<int>(config.integer("stride", 1, kMaxKernel)),
              .padding = static_cast<int>(config.integer("padding", 0, kMaxKernel)),
              .bias = config.flag("bias")} {
  nonzero = config.integer("nonzero", 0, most_nonzero(dense()));
}

Config SparseConv2d::config() const {
  return Config()
      .set("in_channels", in_channels)
      .set("out_channels", out_channels)
      .set("kernel", options.kernel)
      .set("stride", options.stride)
      .set("padding", options.padding)
      .set("nonzero", nonzero)
      .set("bias", options.bias);
}

Shape SparseConv2d::output_shape(const Shape& input) const {
  return conv_output_shape(*this, in_channels, out_channels, options, input);
}

bool SparseConv2d::fuses(const Epilogue& epilogue, const Shape& input) const {
  return conv_fuses(epilogue, output_shape(input));
}

Tensor SparseConv2d::forward_fused(const Tensor& x, const Epilogue& epilogue) {
  output_shape(x.shape());  // an error names this layer
  check_filled(*this, pattern, weight);
  const ConvOptions pass{.stride = options.stride,
                         .padding = options.padding,
                         .relu = epilogue.relu,
                         .max_pool = epilogue.max_pool,
                         .addend = epilogue.addend ? *epilogue.addend : Tensor()};
  if (!epilogue.norm) return sparse_conv2d(x, weight, pattern, bias, pass);
  const Folded::Weights folded = folded_.with(weight, bias, *epilogue.norm, pattern->row_starts());
  return sparse_conv2d(x, folded.weight, pattern, folded.bias, pass);
}

Macs SparseConv2d::macs(const Shape& input) const {
  const Shape output = output_shape(input);
  const std::int64_t pixels = output[2] * output[3];  // each weight is used once at each
  return {dense().numel() * pixels, weight.defined() ? weight.nonzero() * pixels : 0};
}

void SparseConv2d::state(StateVisitor& visitor) {
  visitor.pattern("weight", pattern, dense(), nonzero);
  visitor.parameter("weight", weight, {nonzero});
  if (options.bias) visitor.parameter("bias", bias, {out_channels});
}

void SparseConv2d::initialize(const Rng& rng) {
  initialize_sparse(*this, pattern, weight, options.bias ? bias : Parameter(), rng);
}

}  // namespace espalier::layers
