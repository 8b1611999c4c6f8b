// Threads: how many, and the denormal flag.
#include "core/parallel.h"

#include <latch>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/processors.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace espalier {
namespace {

thread_local int chosen = 0;  // 0: not set

// So many threads, this one included, as the system lets the process have (ulimit -u, -v, a
// container's limit), up to those wanted: libgomp ends the process where it can start no more.
int startable_threads(int wanted) {
  static std::atomic<int> tried = 1, most = kMostThreads;
  if (wanted <= tried) return std::min<int>(wanted, most);
  static std::mutex trying;
  const std::lock_guard lock(trying);
  std::vector<std::thread> threads;
  std::latch all(1);
  try {
    while (static_cast<int>(threads.size()) < wanted - 1) threads.emplace_back([&] { all.wait(); });
  } catch (const std::system_error&) {
    most = static_cast<int>(threads.size()) + 1;
  }
  all.count_down();
  for (std::thread& thread : threads) thread.join();
  tried = std::max<int>(tried, wanted);
  return std::min<int>(wanted, most);
}

}  // namespace

int num_threads() {
  const int wanted = chosen ? chosen : std::min(omp_get_max_threads(), available_processors());
  return std::min(wanted, omp_get_thread_limit());
}

int threads_of_loop() { return startable_threads(std::min(num_threads(), kMostThreads)); }

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
