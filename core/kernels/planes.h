// What kernels on planes share: parallel loops over planes and channels that start no threads for
// little work, and one source for both lane counts. There an element V is what one load takes: a
// vector of images (Vec), or the pixel of a single image (float).
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/error.h"
#include "core/layout.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {

// Calls f(V{}) with the element that fits the lanes.
template <class Function>
void with_element(int lanes, const Function& f) {
  check(lanes == kLanes || lanes == 1, "kernel: found ", lanes, " lanes, expected 1 or ", kLanes);
  if (lanes == kLanes)
    f(Vec{});
  else
    f(0.0f);
}

// A whole number in every lane of V; also what a comparison of elements can be kept in.
template <class V>
using Whole = std::conditional_t<std::is_same_v<V, Vec>, VecInt, std::int32_t>;

template <class V>
V splat(float x) {
  if constexpr (std::is_same_v<V, Vec>)
    return broadcast(x);
  else
    return x;
}
inline float sum(float x) { return x; }  // as sum(Vec), for one lane

// One plane: pixel (y, x) as an element. Coordinates may be negative, down to the halo.
template <class V>
struct Pixels {
  Pixels(const Planes& p, std::int64_t block, std::int64_t channel)
      : first(reinterpret_cast<V*>(p.plane(block, channel))), row_step(p.row_stride / p.lanes) {}
  V* row(std::int64_t y) const { return first + y * row_step; }
  V& operator()(std::int64_t y, std::int64_t x) const { return first[y * row_step + x]; }

  V* first;
  std::int64_t row_step;
};

// Nonzero in the lanes of a block that hold images, zero in padding lanes.
template <class V>
Whole<V> live_lanes(const Planes& p, std::int64_t block) {
  Whole<V> live = {};
  if constexpr (std::is_same_v<V, Vec>) {
    for (int lane = 0; lane < kLanes; ++lane) live[lane] = -(block * kLanes + lane < p.images);
    return live;
  } else {
    return live + 1;
  }
}

// How many of the lanes of a block hold images.
inline std::int64_t live_images(const Planes& p, std::int64_t block) {
  return std::min<std::int64_t>(p.lanes, p.images - block * p.lanes);
}

// Floats of work that an item of a parallel loop has at least: some microseconds.
inline constexpr std::int64_t kGrain = 1 << 13;

// body(i) for each i in [0, count), where one takes `floats` floats of work.
template <class Body>
void for_each(std::int64_t count, std::int64_t floats, const Body& body) {
  const std::int64_t grain = (kGrain + floats) / (floats + 1);
  parallel_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

// body(channel), for bodies that go through all blocks of a channel.
template <class Body>
void for_each_channel(const Planes& p, const Body& body) {
  for_each(p.channels, std::int64_t{p.blocks} * p.height * p.width * p.lanes, body);
}

// body(first, last) for neighbouring channels, at most kMostChannels: so few that their planes stay
// in the second-level cache while the body goes through all blocks twice, and so many that it reads
// memory in long runs.
inline constexpr int kMostChannels = 32;
template <class Body>
void for_channel_groups(const Planes& p, const Body& body) {
  constexpr std::int64_t kFloats = 1 << 15, kGroups = 8;
  const std::int64_t floats = std::int64_t{p.blocks} * p.height * p.width * p.lanes;
  const std::int64_t most = std::clamp<std::int64_t>(p.channels / kGroups, 1, kMostChannels);
  const std::int64_t group = std::clamp<std::int64_t>(kFloats / (floats + 1), 1, most);
  for_each((p.channels + group - 1) / group, group * floats, [&](std::int64_t i) {
    body(i * group, std::min<std::int64_t>((i + 1) * group, p.channels));
  });
}

// body(block, channel)
template <class Body>
void for_each_plane(const Planes& p, const Body& body) {
  for_each(std::int64_t{p.blocks} * p.channels, std::int64_t{p.height} * p.width * p.lanes,
           [&](std::int64_t i) { body(i / p.channels, i % p.channels); });
}

}  // namespace espalier
