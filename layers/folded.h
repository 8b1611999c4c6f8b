// Folded: a batch norm in evaluation only scales and shifts each channel, so the convolution in
// front can do it: w'[o] = w[o] * s[o], b'[o] = (b[o] - mean[o]) * s[o] + shift[o] with
// s[o] = scale[o] / sqrt(var[o] + eps). Kept until one of these changes.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/parameter.h"

namespace espalier::layers {

class BatchNorm;

class Folded {
 public:
  Folded() = default;
  // A copy of a layer has tensors of its own, and begins with nothing kept.
  Folded(const Folded&) {}
  Folded& operator=(const Folded&) { return *this; }

  // Makes weight and bias what they are together with the norm, unless they are so already. The
  // weights of output o are the o-th of norm.channels equal parts, or, where row_starts are given,
  // positions [row_starts[o], row_starts[o + 1]). The bias may be without a tensor.
  void update(const Tensor& weight, const Tensor& bias, const BatchNorm& norm,
              std::span<const std::uint32_t> row_starts = {});

  // Not trained; a parameter since operations keep what they derive from one.
  const Parameter& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }

 private:
  // A tensor as it was when it was read. The handle keeps its address from being used again.
  struct Source {
    Tensor tensor;
    std::uint64_t version = 0;
  };

  std::array<Source, 6> sources_;  // weight, bias, and the norm's four
  float eps_ = 0;
  Parameter weight_;
  Tensor bias_;
};

}  // namespace espalier::layers
