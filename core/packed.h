// Packed: the values of a weight in the order in which a kernel reads them. Where no tape is
// recorded those of a parameter are kept until its values change: to rearrange them costs as much
// as a sixth of a pass over small planes.
#pragma once

#include <mutex>

#include "core/autograd.h"
#include "core/parameter.h"

namespace espalier {

// What make() returns, or what it returned before for these values and this key. Threads that run
// one network at once share it: the first one makes it, and the others wait.
template <class Make>
Tensor packed_values(const Tensor& weight, const PackedKey& key, const Make& make) {
  ParameterState* keeper = grad_enabled() ? nullptr : weight.impl()->parameter.get();
  if (!keeper) return make();
  const std::lock_guard lock(keeper->packing);
  if (!keeper->packed.defined() || keeper->packed_version != weight.version() ||
      keeper->packed_key != key) {
    keeper->packed = make();
    keeper->packed_version = weight.version();
    keeper->packed_key = key;
  }
  return keeper->packed;
}

}  // namespace espalier
