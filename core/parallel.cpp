// Threads: how many, and the denormal flag.
#include "core/parallel.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace espalier {

int num_threads() { return omp_get_max_threads(); }

void set_num_threads(int count) { omp_set_num_threads(count); }

bool next_direction() {
  thread_local bool backwards = false;
  return backwards = !backwards;
}

void flush_denormals() {
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040);  // flush-to-zero for results, denormals-are-zero for operands
#endif
}

}  // namespace espalier
