// Threads: loops over independent items on OpenMP. An item's result may not depend on which
// thread runs it, so results are the same bits however many threads there are.
#pragma once

#include <omp.h>

#include <cstdint>

namespace espalier {

int num_threads();  // threads that a parallel loop uses
void set_num_threads(int count);

// Denormal numbers are flushed to zero on this thread from now on: pruned weights and decaying
// momentum sink to 1e-38, where arithmetic is up to 100 times slower. The flag is per thread.
void flush_denormals();

// Calls body(item) for each item in [0, items). Items are handed out one by one as threads become
// free. Runs serially with one item, one thread, or inside another parallel loop. Bodies must not
// throw: check arguments before the loop.
template <class Body>
void parallel_for(std::int64_t items, const Body& body) {
  if (items <= 1 || num_threads() == 1 || omp_in_parallel()) {
    flush_denormals();
    for (std::int64_t i = 0; i < items; ++i) body(i);
    return;
  }
#pragma omp parallel
  {
    flush_denormals();
#pragma omp for schedule(dynamic, 1)
    for (std::int64_t i = 0; i < items; ++i) body(i);
  }
}

// Calls body(begin, end) on consecutive ranges of at most `grain` that cover [0, count). The ranges
// depend on count and grain alone. A single range starts no threads.
template <class Body>
void parallel_ranges(std::int64_t count, std::int64_t grain, const Body& body) {
  parallel_for((count + grain - 1) / grain, [&](std::int64_t i) {
    const std::int64_t begin = i * grain;
    body(begin, begin + grain < count ? begin + grain : count);
  });
}

}  // namespace espalier
