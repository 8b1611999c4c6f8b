// Threads: loops over independent items on OpenMP. An item's result may not depend on which
// thread runs it, so results are the same bits however many threads there are.
#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace espalier {

// Threads that a parallel loop of this thread uses. Until it is set: as many as OpenMP would take
// (OMP_NUM_THREADS, else one for each processor), but no more than there are processors for them
// (see available_processors). Never more than OMP_THREAD_LIMIT.
int num_threads();
void set_num_threads(int count);  // at least 1; of this thread's loops

// So many threads while it lives; then as many as before.
class ThreadScope {
 public:
  explicit ThreadScope(int count) : before_(num_threads()) { set_num_threads(count); }
  ~ThreadScope() { set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

// Denormal numbers are flushed to zero on this thread from now on: pruned weights and decaying
// momentum sink to 1e-38, where arithmetic is up to 100 times slower. The flag is per thread.
void flush_denormals();

// Whether the next loop runs through its items from the last to the first: by turns. What one
// operation wrote last the next one then reads first, while it is still in the caches.
bool next_direction();

// The items of one thread, of which the others take some when they have done their own.
struct alignas(64) Share {
  std::atomic<std::int64_t> next;
  std::int64_t begin, end;
};
inline constexpr int kMostThreads = 64;  // that share a loop

// Parallel loops that this process has begun, for whoever wants to know whether anything moves. May
// be called by a signal handler.
std::uint64_t loops_begun();

// num_threads(), but no more than share a loop and than the system lets the process have. A loop
// begins with this.
int threads_of_loop();

// Whether other programs use the processors that the threads of a loop run on, found out by
// samples. Threads that wait for the next loop spin for some milliseconds, which is fastest on a
// quiet machine and takes the processor from others, or from threads of their own loop, on a busy
// one.
struct LoopStart {
  std::int64_t time;  // nanoseconds of the monotonic clock
  bool sampled;       // every few milliseconds a loop is
};

// A loop on so many threads begins. Draws the conclusion from the samples so far: where threads had
// to wait for processors, idle ones go to sleep at once from now on, until for some seconds none
// had to wait. Any thread may call.
LoopStart loop_starts(int threads);

// What one thread does in a loop, from its arrival to the end of its share. Counts how late it
// comes and, in a sampled loop, the time that passes beside the time that it has a processor.
// Nothing may wait meanwhile.
class ContentionSample {
 public:
  explicit ContentionSample(const LoopStart& start);
  ~ContentionSample();
  ContentionSample(const ContentionSample&) = delete;
  ContentionSample& operator=(const ContentionSample&) = delete;

 private:
  bool sampled_;
  std::int64_t passed_ = 0, worked_ = 0;  // nanoseconds
};

// While it lives, OpenMP gives a loop the threads that it asks for: under OMP_DYNAMIC it would go
// by the load average, which a training itself raises.
class FixedTeams {
 public:
  FixedTeams() : dynamic_(omp_get_dynamic()) {
    if (dynamic_) omp_set_dynamic(0);
  }
  ~FixedTeams() {
    if (dynamic_) omp_set_dynamic(1);
  }
  FixedTeams(const FixedTeams&) = delete;
  FixedTeams& operator=(const FixedTeams&) = delete;

 private:
  int dynamic_;
};

// Calls body(item) for each item in [0, items). Each thread begins with a share of its own, the
// same one in loops of the same length: what it wrote in one it finds in its own cache in the next.
// Runs serially with one item, one thread, or inside another parallel loop, and on fewer threads
// where OpenMP gives fewer. Bodies must not throw: check arguments before the loop.
template <class Body>
void parallel_for(std::int64_t items, const Body& body) {
  const int threads = threads_of_loop();
  if (items <= 1 || threads == 1 || omp_in_parallel()) {
    flush_denormals();
    for (std::int64_t i = 0; i < items; ++i) body(i);
    return;
  }
  Share shares[kMostThreads];
  for (int t = 0; t < threads; ++t) {
    shares[t].begin = items * t / threads;
    shares[t].end = items * (t + 1) / threads;
    shares[t].next.store(shares[t].begin, std::memory_order_relaxed);
  }
  const bool backwards = next_direction();
  const LoopStart start = loop_starts(threads);
  const FixedTeams fixed;
#pragma omp parallel num_threads(threads)
  {
    const ContentionSample sample(start);
    flush_denormals();
    const int me = omp_get_thread_num();
    for (int t = me; t < me + threads; ++t) {
      Share& share = shares[t % threads];
      std::int64_t i = 0;
      while ((i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end)
        body(backwards ? share.begin + share.end - 1 - i : i);
    }
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
