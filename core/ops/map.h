// The loop of an elementwise operation: parallel where it is long, vectorised where the function
// allows it.
#pragma once

#include <cstdint>

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

}  // namespace espalier
