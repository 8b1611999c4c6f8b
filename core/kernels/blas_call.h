// BLAS call: what OpenBLAS needs around a call, so that it neither starts threads nor hangs.
#pragma once

#include <omp.h>

namespace espalier {

// So many threads are in OpenBLAS at once while it lives. Its work space (128 MiB of address space
// a thread) is asked for first: OpenBLAS itself tries for ever where there is none. An Error then.
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
