// BLAS call: the work space that OpenBLAS has been made to take so far.
#include "core/kernels/blas_call.h"

#include <sys/mman.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "core/error.h"

// OpenBLAS's own: a work space from its table, which grows where all are in use.
extern "C" void* blas_memory_alloc(int);
extern "C" void blas_memory_free(void*);

namespace espalier {
namespace {

std::atomic<int> inside = 0;    // threads that may be in OpenBLAS now
std::atomic<int> prepared = 0;  // threads that it has a work space for
std::mutex preparing;

bool has_room(std::size_t bytes) {
  void* const block =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return false;
  munmap(block, bytes);
  return true;
}

void prepare(int threads) {
  const std::lock_guard lock(preparing);
  if (threads <= prepared) return;
  // What others ask for meanwhile is to fit as well.
  constexpr std::size_t kBeside = std::size_t{16} << 20;
  const auto more = static_cast<std::size_t>(threads - prepared);
  check(has_room(more * kBlasWorkSpace + kBeside), "OpenBLAS: found no memory for ", more, " x ",
        kBlasWorkSpace >> 20,
        " MiB of address space to work in, expected it to be free (ulimit -v; "
        "fewer threads need less)");
  std::vector<void*> spaces(static_cast<std::size_t>(threads));
  for (void*& space : spaces) space = blas_memory_alloc(0);
  for (void* space : spaces) blas_memory_free(space);
  prepared = threads;
}

}  // namespace

BlasUse::BlasUse(int threads) : threads_(threads) {
  const int now = inside += threads_;
  if (now <= prepared) return;
  try {
    prepare(now);
  } catch (...) {
    inside -= threads_;
    throw;
  }
}

BlasUse::~BlasUse() { inside -= threads_; }

}  // namespace espalier
