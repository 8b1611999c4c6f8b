// The loop of an elementwise operation: parallel where it is long, vectorised where the function
// allows it; and an operation on one tensor that it makes.
#pragma once

#include <cstdint>

#include "core/autograd.h"
#include "core/parallel.h"

namespace espalier {

// Elements of one item of a parallel loop: some microseconds. Fewer start no threads.
inline constexpr std::int64_t kElementGrain = 1 << 15;

// to[i] = f(i), or to[i] += f(i), for i in [0, count). What f reads may not be what is written.
template <class Function>
void write_each(std::int64_t count, float* to, bool add, const Function& f) {
  const Function own = f;  // a copy that no store can change: its members stay in registers
  if (add) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) to[i] += own(i);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) to[i] = own(i);
  }
}

template <class Function>
void parallel_write(std::int64_t count, float* to, bool add, const Function& f) {
  parallel_ranges(count, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    write_each(end - begin, to + begin, add, [f, begin](std::int64_t i) { return f(begin + i); });
  });
}

// An elementwise operation on one tensor, on the tape:
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
