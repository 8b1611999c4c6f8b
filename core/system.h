// What runs: the BLAS kernels, threads, vector width and processor of this process. Says whether
// OpenBLAS uses weaker kernels than the processor has; changes nothing.
#pragma once

#include <string>

namespace espalier {

struct System {
  std::string blas_core;    // the kernels OpenBLAS chose when it was loaded, e.g. "SkylakeX"
  std::string blas_config;  // how OpenBLAS was built, e.g. "OpenBLAS 0.3.21 ... MAX_THREADS=64"
  int threads;              // threads that a parallel loop uses
  int vector_bits;          // width of the vectors that the engine's own kernels were compiled for
  std::string cpu;          // the processor's name as the system gives it, "" where it gives none
  std::string cpu_level;    // the widest that it has: "SSE", "AVX", "AVX2" or "AVX-512"
};

System system_info();

// One line, e.g. "OpenBLAS SkylakeX, 2 threads, 512-bit vectors".
std::string describe();

// One sentence where OpenBLAS runs weaker kernels than the processor has, else "". OpenBLAS chooses
// when it is loaded, so only the environment of the next start can change it.
std::string warning();
// What warning() says of these kernels on a processor of this level where OPENBLAS_CORETYPE was set
// to `asked`; null: not set.
std::string warning(const std::string& blas_core, const std::string& cpu_level, const char* asked);

}  // namespace espalier
