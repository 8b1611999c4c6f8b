// Memory: blocks are taken from the system once and then kept for reuse, so that a training step
// allocates nothing once warm, and pages are not mapped anew on every step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace espalier {

// 64-byte aligned memory, uninitialised; at least one byte. Any thread may call.
void* allocate(std::size_t bytes);
void release(void* block, std::size_t bytes) noexcept;

// Gives every kept block back to the system.
void release_cached_memory() noexcept;

struct MemoryStatistics {
  std::size_t live;               // bytes in use now
  std::size_t peak;               // most bytes ever in use at once
  std::uint64_t system_requests;  // blocks asked of the system so far
};
MemoryStatistics memory_statistics();
void reset_memory_peak();  // the peak begins again from what is in use now

// Lets std::allocate_shared and containers take their memory from the kept blocks.
template <class T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(espalier::allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept {
    espalier::release(block, count * sizeof(T));
  }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

}  // namespace espalier
