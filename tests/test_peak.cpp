// The peak that kernels are measured by.
#include "core/kernels/peak.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>

#include "core/parallel.h"

#ifndef __SANITIZE_ADDRESS__  // built with it, tests are not optimised: an empty loop is slow too
namespace espalier::testing {
namespace {

template <class Work>
double cpu_seconds(const Work& work) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    work();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    best = std::min(best, static_cast<double>(end.tv_sec - start.tv_sec) +
                              1e-9 * static_cast<double>(end.tv_nsec - start.tv_nsec));
  }
  return best;
}

}  // namespace

TEST_CASE("peak: the multiply-adds that it counts are done") {
  const ThreadScope one(1);
  constexpr std::int64_t kRounds = 1'000'000;
  const double peak = cpu_seconds([] { run_peak(kRounds); });
  // A round is twelve multiply-adds, of which processors begin two to four in a cycle. An empty
  // loop, one cycle a round, is what compilers make of a round whose result nothing needs.
  const double empty = cpu_seconds([] {
    for (std::int64_t i = 0; i < kRounds; ++i) asm volatile("" : "+r"(i));
  });
  CHECK(peak > 2 * empty);
}

}  // namespace espalier::testing
#endif
