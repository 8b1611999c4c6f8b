// Stopwatch: clocks, the median, the peak.
#include "examples/cli/stopwatch.h"

#include <algorithm>
#include <ctime>

#include "core/kernels/peak.h"
#include "core/parallel.h"

namespace espalier::cli {
namespace {

double seconds(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

double wall_seconds() { return seconds(CLOCK_MONOTONIC); }

double work_seconds() {
  return seconds(num_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double measure_peak(double seconds) {
  constexpr std::int64_t kRounds = 20'000;  // some tens of microseconds
  double work = 0;
  const double start = work_seconds();
  double now = start;
  do {
    work += run_peak(kRounds);
    now = work_seconds();
  } while (now - start < seconds);
  return work / (now - start);
}

}  // namespace espalier::cli
