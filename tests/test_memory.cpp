// Memory: blocks are aligned, apart, hardly larger than asked for, and used again.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#include "core/memory.h"
#include "core/parallel.h"

namespace espalier {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;

std::size_t bytes_taken(std::size_t bytes) {
  const auto before = memory_statistics().live;
  void* block = allocate(bytes);
  const auto taken = memory_statistics().live - before;
  release(block, bytes);
  return taken;
}

TEST_CASE("memory: blocks are aligned, large ones to a huge page") {
  for (const std::size_t bytes :
       {0ul, 1ul, 63ul, 64ul, 65ul, 1000ul, 123'457ul, kHuge - 1, kHuge}) {
    CAPTURE(bytes);
    void* block = allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % (bytes >= kHuge ? kHuge : 64) == 0);
    std::memset(block, 1, bytes);
    release(block, bytes);
  }
}

TEST_CASE("memory: a block holds what was asked for, and at most an eighth more") {
  std::vector<std::size_t> sizes;
  for (std::size_t bytes = 0; bytes < 5000; ++bytes) sizes.push_back(bytes);
  for (int shift = 13; shift < 21; ++shift)
    for (const int odd : {8, 9, 11, 15})
      for (const int beside : {-1, 0, 1})
        sizes.push_back((static_cast<std::size_t>(odd) << (shift - 3)) + beside);
  std::int64_t small = 0, large = 0;
  for (const std::size_t bytes : sizes) {
    const std::size_t taken = bytes_taken(bytes);
    const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64;
    small += taken < rounded;
    large += taken > rounded + rounded / 8;
  }
  CHECK(small == 0);
  CHECK(large == 0);
}

TEST_CASE("memory: blocks in use do not overlap") {
  struct Block {
    unsigned char* data;
    std::size_t bytes;
  };
  std::vector<Block> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t bytes = 1; bytes < 3000; bytes += 37) {
      blocks.push_back({static_cast<unsigned char*>(allocate(bytes)), bytes});
      std::memset(blocks.back().data, static_cast<int>(blocks.size() % 251), bytes);
    }
    // Some are given back, in another order than they came.
    std::vector<Block> kept;
    std::int64_t damaged = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      for (std::size_t k = 0; k < blocks[i].bytes; ++k)
        damaged += blocks[i].data[k] != blocks[i].data[0];
      if (i % 3 == 1)
        kept.push_back(blocks[i]);
      else
        release(blocks[i].data, blocks[i].bytes);
    }
    CHECK(damaged == 0);
    blocks = kept;
  }
  for (const Block& block : blocks) release(block.data, block.bytes);
}

TEST_CASE("memory: the system is asked once for what is needed again and again") {
  const auto use = [] {
    std::vector<void*> blocks;
    for (int i = 0; i < 5; ++i) blocks.push_back(allocate(70'000));
    for (void* block : blocks) release(block, 69'999);  // of the same class
  };
  use();
  const auto requests = memory_statistics().system_requests;
  for (int i = 0; i < 10; ++i) use();
  CHECK(memory_statistics().system_requests == requests);
  release_cached_memory();
  use();
  CHECK(memory_statistics().system_requests == requests + 5);
}

TEST_CASE("memory: counts what is in use, and the most that ever was") {
  const auto before = memory_statistics();
  void* block = allocate(before.peak + 1000);
  const auto during = memory_statistics();
  CHECK(during.live > before.live + before.peak);
  CHECK(during.peak == during.live);
  release(block, before.peak + 1000);
  const auto after = memory_statistics();
  CHECK(after.live == before.live);
  CHECK(after.peak == during.peak);
  release(nullptr, 100);  // nothing
  CHECK(memory_statistics().live == before.live);
  release_cached_memory();
}

TEST_CASE("memory: more than there is, is refused") {
  CHECK_THROWS_AS(allocate(~std::size_t{0}), std::bad_alloc);
  CHECK_THROWS_AS(allocate((std::size_t{1} << 46) + 1), std::bad_alloc);
}

TEST_CASE("memory: any thread may ask and give back") {
  const auto before = memory_statistics().live;
  std::vector<int> damaged(64);
  parallel_for(64, [&](std::int64_t i) {
    std::vector<std::int64_t*> blocks;
    for (int k = 0; k < 50; ++k) {
      blocks.push_back(static_cast<std::int64_t*>(allocate(128)));
      for (int at = 0; at < 16; ++at) blocks.back()[at] = i * 100 + k;
    }
    for (int k = 0; k < 50; ++k) {
      for (int at = 0; at < 16; ++at) damaged[i] += blocks[k][at] != i * 100 + k;
      release(blocks[k], 128);
    }
  });
  CHECK(damaged == std::vector<int>(64));
  CHECK(memory_statistics().live == before);
}

TEST_CASE("memory: containers take their memory from the kept blocks") {
  const auto before = memory_statistics().live;
  {
    std::vector<double, PoolAllocator<double>> values(1000, 2.5);
    CHECK(memory_statistics().live >= before + 8000);
    values.resize(5000);
    CHECK(values[999] == 2.5);
  }
  CHECK(memory_statistics().live == before);
}

}  // namespace
}  // namespace espalier
