// BLAS call: what OpenBLAS needs around a call, so that it neither starts threads nor hangs.
#pragma once

#include <omp.h>

#include <cstddef>

namespace espalier {

// Address space that OpenBLAS takes for a thread: BUFFER_SIZE in its common.h. It tries for ever
// where there is none.
inline constexpr std::size_t kBlasWorkSpace = std::size_t{128} << 20;

// So many threads are in OpenBLAS at once while it lives. Their work space is asked for first; an
// Error where there is none.
class BlasUse {
 public:
  explicit BlasUse(int threads);
  ~BlasUse();
  BlasUse(const BlasUse&) = delete;
  BlasUse& operator=(const BlasUse&) = delete;

 private:
  int threads_;
};

// OpenBLAS runs single-threaded on this thread while it lives. With threads of its own it waits for
// as many as it has asked for, which OpenMP need not give (OMP_THREAD_LIMIT).
class SingleThreadedBlas {
 public:
  SingleThreadedBlas() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleThreadedBlas() { omp_set_num_threads(before_); }
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;

 private:
  int before_;
};

}  // namespace espalier
