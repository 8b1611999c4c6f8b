// Address space: OpenBLAS takes 128 MiB of it for each thread while it is loaded, before main, and
// where there is none (ulimit -v) tries for ever. So it is tried here, still earlier: what stands
// in .preinit_array runs before the constructors of the libraries, when little of the C library is
// ready. Only an executable can have such a section, which is why the library does without.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/kernels/blas_call.h"

namespace {

// As OpenBLAS counts its threads: one for each processor, unless the environment has fewer.
std::size_t blas_threads(char** environment) {
  cpu_set_t mask;
  long threads = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  for (char** entry = environment; entry && *entry; ++entry)
    for (const char* name : {"OPENBLAS_NUM_THREADS=", "OMP_NUM_THREADS="})
      if (std::strncmp(*entry, name, std::strlen(name)) == 0)
        if (const long asked = std::strtol(*entry + std::strlen(name), nullptr, 10); asked > 0)
          threads = std::min(threads, asked);
  return static_cast<std::size_t>(threads);
}

void check_address_space(int, char**, char** environment) {
  const std::size_t bytes = blas_threads(environment) * espalier::kBlasWorkSpace;
  void* const space =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (space != MAP_FAILED) {
    munmap(space, bytes);
    return;
  }
  constexpr char kMessage[] =
      "espalier: found no memory for the 128 MiB of address space that OpenBLAS takes for each "
      "thread, expected a higher limit (ulimit -v) or fewer threads (OMP_NUM_THREADS=1)\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  _exit(1);
}

[[gnu::section(".preinit_array"),
  gnu::used]] void (*const check_first)(int, char**, char**) = check_address_space;

}  // namespace
