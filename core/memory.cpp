// Memory: free lists by size class. A class is a multiple of 64 bytes with at most four leading
// bits set, so a block is never more than an eighth larger than what was asked for.
#include "core/memory.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

namespace espalier {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr int kClasses = 512;

struct FreeBlock {
  FreeBlock* next;
};

struct Pool {
  std::mutex mutex;
  FreeBlock* free[kClasses] = {};
  MemoryStatistics statistics = {};
};

// Never destroyed: handles in static variables may outlive every other static.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

struct SizeClass {
  int index;
  std::size_t bytes;
};

SizeClass size_class(std::size_t bytes) {
  std::size_t units = (bytes + kAlignment - 1) / kAlignment;
  if (units == 0) units = 1;
  if (units <= 8) return {static_cast<int>(units) - 1, units * kAlignment};
  const int shift = std::bit_width(units - 1) - 4;  // keeps four leading bits
  const std::size_t steps = ((units - 1) >> shift) + 1;
  return {8 + shift * 8 + static_cast<int>(steps - 9), (steps << shift) * kAlignment};
}

void* system_allocate(std::size_t bytes) {
  // Large blocks on huge pages: a pass over an activation then misses the TLB 512 times less.
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* block = nullptr;
  if (posix_memalign(&block, alignment, rounded) != 0) return nullptr;
  if (bytes >= kHugePage) madvise(block, rounded / kHugePage * kHugePage, MADV_HUGEPAGE);
  return block;
}

void drop_free_blocks(Pool& p) {
  for (auto& head : p.free)
    while (head) {
      FreeBlock* block = head;
      head = block->next;
      std::free(block);
    }
}

}  // namespace

void* allocate(std::size_t bytes) {
  if (bytes > std::size_t{1} << 46) throw std::bad_alloc();
  const SizeClass size = size_class(bytes);
  Pool& p = pool();
  std::lock_guard lock(p.mutex);
  void* block = p.free[size.index];
  if (block) {
    p.free[size.index] = static_cast<FreeBlock*>(block)->next;
  } else {
    ++p.statistics.system_requests;
    block = system_allocate(size.bytes);
    if (!block) {
      drop_free_blocks(p);
      block = system_allocate(size.bytes);
      if (!block) throw std::bad_alloc();
    }
  }
  p.statistics.live += size.bytes;
  if (p.statistics.live > p.statistics.peak) p.statistics.peak = p.statistics.live;
  return block;
}

void release(void* block, std::size_t bytes) noexcept {
  if (!block) return;
  const SizeClass size = size_class(bytes);
  Pool& p = pool();
  std::lock_guard lock(p.mutex);
  auto* head = static_cast<FreeBlock*>(block);
  head->next = p.free[size.index];
  p.free[size.index] = head;
  p.statistics.live -= size.bytes;
}

void release_cached_memory() noexcept {
  Pool& p = pool();
  std::lock_guard lock(p.mutex);
  drop_free_blocks(p);
}

MemoryStatistics memory_statistics() {
  Pool& p = pool();
  std::lock_guard lock(p.mutex);
  return p.statistics;
}

void reset_memory_peak() {
  Pool& p = pool();
  std::lock_guard lock(p.mutex);
  p.statistics.peak = p.statistics.live;
}

}  // namespace espalier
