// Folded: a batch norm in evaluation only scales and shifts each channel, so the convolution in
// front can do it: w'[o] = w[o] * s[o], b'[o] = (b[o] - mean[o]) * s[o] + shift[o] with
// s[o] = scale[o] / sqrt(var[o] + eps). Kept until one of these changes.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "core/parameter.h"

namespace espalier::layers {

class BatchNorm;

// Threads that run one network at once share what is kept: the first one makes it.
class Folded {
 public:
  explicit Folded(const BatchNorm& norm) : norm_(norm) {}

  // Never changed once they are handed out.
  struct Weights {
    Parameter weight;  // not trained; a parameter since operations keep what they derive from one
    Tensor bias;
  };

  // What weight and bias are together with the norm; the weight keeps its format. The bias may be
  // without a tensor.
  Weights with(const Parameter& weight, const Tensor& bias);
  const BatchNorm& norm() const { return norm_; }

 private:
  // A tensor as it was when it was read. The handle keeps its address from being used again.
  struct Source {
    Tensor tensor;
    std::uint64_t version = 0;
  };

  const BatchNorm& norm_;
  std::mutex mutex_;
  std::array<Source, 6> sources_;  // weight, bias, and the norm's four
  float eps_ = 0;
  Weights kept_;
};

}  // namespace espalier::layers
