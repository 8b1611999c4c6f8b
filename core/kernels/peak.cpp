// Peak: as many independent multiply-adds as a processor can have under way.
#include "core/kernels/peak.h"

#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {

double run_peak(std::int64_t rounds) {
  constexpr int kSums = 12;  // latency times throughput is 8 to 10 on processors of today
  const FixedTeams fixed;
  int threads = 1;  // that there were
#pragma omp parallel num_threads(num_threads())
  {
#pragma omp single nowait
    threads = omp_get_num_threads();
    Vec sum[kSums];
    for (int i = 0; i < kSums; ++i) sum[i] = broadcast(static_cast<float>(i));
    Vec x = broadcast(0.5f);
    for (std::int64_t round = 0; round < rounds; ++round) {
      keep_in_register(x);  // the compiler may not take it all out of the loop
#pragma GCC unroll 12
      for (int i = 0; i < kSums; ++i) sum[i] = sum[i] * x + x;
    }
    Vec total = {};
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) total += sum[i];
    asm volatile("" : : "m"(total));  // nor leave any of it out
  }
  return 2.0 * kSums * kLanes * static_cast<double>(rounds) * threads;
}

}  // namespace espalier
