// An elementwise operation on one tensor, put on the tape: a value, and the way back of one
// element.
#pragma once

#include "core/autograd.h"
#include "core/ops/map.h"

namespace espalier {

// y = value(x) and dx = gradient(dy, x, y), over everything in memory, whatever the layout:
// value(0) is 0 and gradient(0, x, y) is 0 where tensors in lanes are let in. y is held without its
// place on the tape, which would hold the node in turn.
template <class Value, class Gradient>
Tensor map(Op op, const Tensor& x, Value value, Gradient gradient) {
  Tensor y = Tensor::empty(x.shape(), x.layout());
  const float* in = x.data();
  parallel_write(x.storage_size(), y.mutable_data(), false,
                 [in, value](std::int64_t i) { return value(in[i]); });
  return record(op, y, {x}, [x, y = y.detach(), gradient](const Tensor& dy) {
    if (GradOut dx = grad_out(x)) {
      const float *in = x.data(), *out = y.data(), *d = dy.data();
      parallel_write(x.storage_size(), dx.data, dx.add,
                     [=](std::int64_t i) { return gradient(d[i], in[i], out[i]); });
    }
  });
}

}  // namespace espalier
