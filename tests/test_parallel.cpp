// Parallel loops: each item once, ranges that depend on the count alone, denormals flushed in every
// thread.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "core/parallel.h"

namespace espalier {
namespace {

class Threads {  // so many while an object of this class lives
 public:
  explicit Threads(int count) : before_(num_threads()) { set_num_threads(count); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_;
};

TEST_CASE("parallel: each item is done once, with any number of threads") {
  for (const int count : {1, 2, 3, 7}) {
    const Threads threads(count);
    CHECK(num_threads() == count);
    for (const int items : {0, 1, 2, 3, 100, 1001}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(items));
      parallel_for(items, [&](std::int64_t i) { ++done[i]; });
      int wrong = 0;
      for (const auto& times : done) wrong += times != 1;
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("parallel: ranges cover the count once, and do not depend on the threads") {
  for (const auto& [count, grain] :
       {std::pair{0, 5}, {1, 5}, {5, 5}, {6, 5}, {1000, 7}, {1000, 1}, {3, 1'000'000}}) {
    std::vector<std::vector<int>> ends;  // by first element; 0 where no range begins
    for (const int threads_count : {1, 2, 5}) {
      const Threads threads(threads_count);
      ends.emplace_back(static_cast<std::size_t>(count) + 1);
      parallel_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
        ends.back()[begin] = static_cast<int>(end);
      });
    }
    CHECK(ends[1] == ends[0]);
    CHECK(ends[2] == ends[0]);
    int at = 0;
    while (at < count) {
      const int end = ends[0][at];
      REQUIRE(end > at);
      CHECK(end - at <= grain);
      CHECK((end - at == grain || end == count));
      at = end;
    }
    CHECK(at == count);
  }
}

TEST_CASE("parallel: a loop within a loop runs where it stands") {
  const Threads threads(2);
  std::vector<std::atomic<int>> done(100);
  std::atomic<int> elsewhere = 0;
  parallel_for(10, [&](std::int64_t i) {
    const auto here = std::this_thread::get_id();
    parallel_for(10, [&](std::int64_t k) {
      ++done[i * 10 + k];
      elsewhere += std::this_thread::get_id() != here;
    });
  });
  for (const auto& times : done) CHECK(times == 1);
  CHECK(elsewhere == 0);
}

TEST_CASE("parallel: a single item starts no thread") {
  const Threads threads(2);
  const auto here = std::this_thread::get_id();
  std::thread::id there;
  parallel_for(1, [&](std::int64_t) { there = std::this_thread::get_id(); });
  CHECK(there == here);
  parallel_ranges(100, 100,
                  [&](std::int64_t, std::int64_t) { there = std::this_thread::get_id(); });
  CHECK(there == here);
}

#if defined(__SSE2__)

void keep_denormals() { _mm_setcsr(_mm_getcsr() & ~0x8040u); }

// Whether results and operands below the normal range are taken as zero here.
bool flushed() {
  volatile float small = 1e-38f, half = 0.5f, denormal = 1e-40f, large = 1e20f;
  return small * half == 0 && denormal * large == 0;
}

TEST_CASE("parallel: denormals are flushed in every thread") {
  const Threads threads(2);
  // Two items that wait for each other are on two threads; each has to set its own flag.
#pragma omp parallel
  keep_denormals();
  CHECK_FALSE(flushed());
  std::atomic<int> waiting = 0;
  int flushes[2] = {};
  std::thread::id ids[2];
  parallel_for(2, [&](std::int64_t i) {
    ++waiting;
    const auto start = std::chrono::steady_clock::now();  // in case there is one thread only
    while (waiting < 2 && std::chrono::steady_clock::now() - start < std::chrono::seconds(20))
      std::this_thread::yield();
    flushes[i] = flushed();
    ids[i] = std::this_thread::get_id();
  });
  CHECK(flushes[0]);
  CHECK(flushes[1]);
  CHECK(ids[0] != ids[1]);

  keep_denormals();  // a loop without threads
  parallel_for(1, [&](std::int64_t) { flushes[0] = flushed(); });
  CHECK(flushes[0]);
  bool in_new_thread = false;
  std::thread([&] {
    keep_denormals();
    flush_denormals();
    in_new_thread = flushed();
  }).join();
  CHECK(in_new_thread);
}

#endif

}  // namespace
}  // namespace espalier
