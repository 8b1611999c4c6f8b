// Threads: how many, the denormal flag, and contention: samples of it, the decision, and how
// libgomp is told.
#include "core/parallel.h"

#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/processors.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace espalier {
namespace {

thread_local int chosen = 0;  // 0: not set

std::atomic<std::uint64_t> begun = 0;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "signal handlers read it");

// ---- Contention --------------------------------------------------------------
constexpr std::int64_t kMillisecond = 1'000'000;  // nanoseconds
constexpr std::int64_t kSampleEvery = 2 * kMillisecond;
constexpr std::int64_t kWindow = 100 * kMillisecond;  // of samples, between two decisions
constexpr std::int64_t kEnough = 4 * kMillisecond;    // of sampled time in a window
// A thread that is woken, or that spins, comes within a fraction of this; one that has to wait for
// its processor waits for the end of somebody's time slice.
constexpr std::int64_t kLate = 1 * kMillisecond;
// Time without waiting before idle threads spin again. Doubled where that turns out to be too soon.
constexpr std::int64_t kLeastQuiet = 1000 * kMillisecond, kMostQuiet = 16 * kLeastQuiet;
// Share of the time in which threads were kept from their processors. A quiet machine is below 1 %
// but for single windows, two trainings on it are near 50 %.
constexpr double kBusyShare = 0.10;

std::int64_t now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000 * kMillisecond + time.tv_nsec;
}

// How long idle threads spin is fixed by the environment when libgomp is loaded, but for one case
// (its manual, GOMP_SPINCOUNT): where there are more OpenMP threads than processors, they spin for
// about a microsecond. A team that sleeps all the time, beside one of so many threads, makes them
// more.
class SleepingTeam {
 public:
  void begin(int threads) {
    const std::lock_guard lock(mutex_);
    if (there_) return;
    const int size = std::max(2, omp_get_num_procs() - threads + 2);
    try {
      std::thread([this, size] { sleep(size); }).detach();
      there_ = true;
    } catch (const std::system_error&) {  // no thread is to be had: idle threads go on spinning
    }
  }

  void end() {
    const std::lock_guard lock(mutex_);
    there_ = false;
    changed_.notify_all();
  }

  bool there() const { return there_; }

 private:
  void sleep(int size) {
    if (startable_threads(size) < size) {  // as many are not to be had
      const std::lock_guard lock(mutex_);
      there_ = false;
      return;
    }
#pragma omp parallel num_threads(size)
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !there_; });
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> there_ = false;  // changed under the lock where the team waits for it
};

struct State {
  std::atomic<std::int64_t> next_sample = 0;
  std::atomic<std::int64_t> passed = 0, worked = 0;  // of the samples of this window
  std::mutex deciding;
  std::int64_t window_began = 0, last_busy = 0, sleep_ended = 0, quiet = kLeastQuiet;
  bool was_busy = false;  // in the window before
  SleepingTeam team;
};

// Never destroyed: threads sleep in it when the process ends.
State& state() {
  static State* instance = new State;
  return *instance;
}

void decide(State& s, std::int64_t time, int threads) {
  const std::unique_lock lock(s.deciding, std::try_to_lock);
  if (!lock || time - s.window_began < kWindow || s.passed < kEnough) return;
  const auto passed = static_cast<double>(s.passed.exchange(0));
  const auto worked = static_cast<double>(s.worked.exchange(0));
  s.window_began = time;
  const bool busy = 1 - worked / passed > kBusyShare, twice = busy && s.was_busy;
  s.was_busy = busy;
  if (busy) s.last_busy = time;
  if (twice && !s.team.there()) {
    const bool too_soon = s.sleep_ended > 0 && time - s.sleep_ended < kLeastQuiet;
    s.quiet = too_soon ? std::min(2 * s.quiet, kMostQuiet) : kLeastQuiet;
    s.team.begin(threads);
  } else if (time - s.last_busy > s.quiet && s.team.there()) {
    s.sleep_ended = time;
    s.team.end();
  }
}

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

LoopStart loop_starts(int threads) {
  State& s = state();
  const std::int64_t time = now(CLOCK_MONOTONIC);
  std::int64_t next = s.next_sample.load(std::memory_order_relaxed);
  const bool sampled =
      time >= next && s.next_sample.compare_exchange_strong(next, time + kSampleEvery);
  if (sampled) decide(s, time, threads);
  return {time, sampled};
}

ContentionSample::ContentionSample(const LoopStart& start) : sampled_(start.sampled) {
  if (const std::int64_t late = now(CLOCK_MONOTONIC) - start.time - kLate; late > 0)
    state().passed += late;
  if (!sampled_) return;
  // This clock outside: to read it takes long, beside a short loop.
  worked_ = -now(CLOCK_THREAD_CPUTIME_ID);
  passed_ = -now(CLOCK_MONOTONIC);
}

ContentionSample::~ContentionSample() {
  if (!sampled_) return;
  passed_ += now(CLOCK_MONOTONIC);
  worked_ += now(CLOCK_THREAD_CPUTIME_ID);
  state().passed += passed_;
  state().worked += worked_;
}

}  // namespace espalier
