// Batch normalisation (Ioffe and Szegedy, 2015).
#pragma once

#include "core/ops/layout.h"
#include "core/ops/relu_limit.h"
#include "core/tensor.h"

namespace espalier {

struct BatchNormOptions {
  float eps = 1e-5f;
  float momentum = 0.1f;        // weight of the new batch in the running statistics
  bool training = true;         // normalise by the batch (and update the statistics), or by them
  bool relu = false;            // relu() of the result, in the same pass
  float relu_limit = kNoLimit;  // 6: relu6()
  int halo = kDefaultHalo;      // zeroed pixels that the result has around each plane
};

// x [N, C, H, W] or [N, C]; weight (scale), bias (shift), running_mean, running_var: [C], plain.
// The running variance is the unbiased one, as in PyTorch. Training needs more than one value a
// channel.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor running_mean,
                  Tensor running_var, const BatchNormOptions& options = {});

}  // namespace espalier
