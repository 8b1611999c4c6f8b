// Threads: how many, and the denormal flag.
#include "core/parallel.h"

#include "core/processors.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace espalier {
namespace {

thread_local int chosen = 0;  // 0: not set

std::atomic<std::uint64_t> begun = 0;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "signal handlers read it");

}  // namespace

int num_threads() {
  const int wanted = chosen ? chosen : std::min(omp_get_max_threads(), available_processors());
  return std::min(wanted, omp_get_thread_limit());
}

std::uint64_t loops_begun() { return begun.load(std::memory_order_relaxed); }

int threads_of_loop() {
  begun.fetch_add(1, std::memory_order_relaxed);
  return startable_threads(std::min(num_threads(), kMostThreads));
}

void set_num_threads(int count) { chosen = std::max(count, 1); }

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
