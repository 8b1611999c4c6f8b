// Copies between row-major order and lanes. The images of a block lie far apart in row-major order
// and side by side in lanes, so a copy transposes: a square of kLanes images by kLanes neighbouring
// elements at a time, which reads and writes whole vectors on both sides.
#include "core/relayout.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/kernels/planes.h"
#include "core/kernels/transpose.h"
#include "core/memory.h"

namespace espalier {
namespace {

// Elements that are neighbours in row-major order and evenly spaced in lanes: the pixels of a row,
// or all features.
struct Run {
  std::int64_t plain;  // index of the first one, of the block's first image, in row-major order
  float* lanes;        // the same one in lanes
  std::int64_t step;   // from each to the next there
  std::int64_t length;
  std::int64_t images;  // in this block
};

// Calls body(run) on runs that cover all elements, in parallel.
template <class Body>
void for_runs(const Planes& p, const Body& body) {
  const std::int64_t area = std::int64_t{p.height} * p.width;
  if (area == 1 && p.halo == 0) {
    constexpr std::int64_t kLength = 256;
    const std::int64_t parts = (p.channels + kLength - 1) / kLength;
    for_each(p.blocks * parts, kLength * p.lanes, [&](std::int64_t i) {
      const std::int64_t block = i / parts, first = i % parts * kLength;
      body(Run{block * p.lanes * p.channels + first, p.plane(block, first), p.channel_stride,
               std::min(kLength, p.channels - first), live_images(p, block)});
    });
    return;
  }
  for_each_plane(p, [&](std::int64_t block, std::int64_t channel) {
    const std::int64_t first = (block * p.lanes * p.channels + channel) * area;
    for (std::int64_t y = 0; y < p.height; ++y)
      body(Run{first + y * p.width, p.plane(block, channel) + y * p.row_stride, p.lanes, p.width,
               live_images(p, block)});
  });
}

std::int64_t image_size(const Planes& p) { return std::int64_t{p.channels} * p.height * p.width; }

// to (+)= the first `count` lanes of x
[[gnu::always_inline]] inline void put(float* to, Vec x, std::int64_t count, bool add) {
  if (count == kLanes) {
    store_unaligned(to, add ? load_unaligned(to) + x : x);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = add ? to[i] + x[i] : x[i];
  }
}

[[gnu::always_inline]] inline Vec take(const float* from, std::int64_t count) {
  if (count == kLanes) return load_unaligned(from);
  Vec x = {};
  for (std::int64_t i = 0; i < count; ++i) x[i] = from[i];
  return x;
}

void run_to_lanes(const float* from, std::int64_t image_size, const Run& run, bool add) {
  for (std::int64_t i = 0; i < run.length; i += kLanes) {
    const std::int64_t count = std::min<std::int64_t>(kLanes, run.length - i);
    Square square = {};  // zeros for the padding lanes
    for (std::int64_t image = 0; image < run.images; ++image)
      square[image] = take(from + run.plain + image * image_size + i, count);
    transpose(square);
    for (std::int64_t k = 0; k < count; ++k)
      put(run.lanes + (i + k) * run.step, square[k], kLanes, add);
  }
}

void run_to_plain(const Run& run, float* to, std::int64_t image_size, bool add) {
  for (std::int64_t i = 0; i < run.length; i += kLanes) {
    const std::int64_t count = std::min<std::int64_t>(kLanes, run.length - i);
    Square square = {};
    for (std::int64_t k = 0; k < count; ++k) square[k] = load(run.lanes + (i + k) * run.step);
    transpose(square);
    for (std::int64_t image = 0; image < run.images; ++image)
      put(to + run.plain + image * image_size + i, square[image], count, add);
  }
}

void copy_to_lanes(const float* from, const Planes& to, bool add) {
  if (!add)
    for_each_plane(
        to, [&](std::int64_t block, std::int64_t channel) { zero_halo(to, block, channel); });
  for_runs(to, [&](const Run& run) {
    if (to.lanes == kLanes) return run_to_lanes(from, image_size(to), run, add);
    for (std::int64_t i = 0; i < run.length; ++i) {
      float& place = run.lanes[i * run.step];
      place = add ? place + from[run.plain + i] : from[run.plain + i];
    }
  });
}

void copy_to_plain(const Planes& from, float* to, bool add) {
  for_runs(from, [&](const Run& run) {
    if (from.lanes == kLanes) return run_to_plain(run, to, image_size(from), add);
    for (std::int64_t i = 0; i < run.length; ++i) {
      float& place = to[run.plain + i];
      place = add ? place + run.lanes[i * run.step] : run.lanes[i * run.step];
    }
  });
}

// The same lanes, another halo: rows move as they are.
template <class V>
void move_rows(const Planes& from, const Planes& to, bool add) {
  for_each_plane(to, [&](std::int64_t block, std::int64_t channel) {
    if (!add) zero_halo(to, block, channel);
    const auto live = live_lanes<V>(to, block);
    for (std::int64_t y = 0; y < to.height; ++y) {
      const V* in = Pixels<V>(from, block, channel).row(y);
      V* out = Pixels<V>(to, block, channel).row(y);
      for (std::int64_t x = 0; x < to.width; ++x) {
        const V pixel = live ? in[x] : V{};
        out[x] = add ? out[x] + pixel : pixel;
      }
    }
  });
}

}  // namespace

void plain_to_lanes(const float* from, const Planes& to) { copy_to_lanes(from, to, false); }
void add_plain_to_lanes(const float* from, const Planes& to) { copy_to_lanes(from, to, true); }
void lanes_to_plain(const Planes& from, float* to) { copy_to_plain(from, to, false); }
void add_lanes_to_plain(const Planes& from, float* to) { copy_to_plain(from, to, true); }

void lanes_to_lanes(const Planes& from, const Planes& to, bool add) {
  if (from.lanes == to.lanes) {
    with_element(to.lanes, [&](auto element) { move_rows<decltype(element)>(from, to, add); });
  } else {
    std::vector<float, PoolAllocator<float>> plain(
        static_cast<std::size_t>(from.images * image_size(from)));
    copy_to_plain(from, plain.data(), false);
    copy_to_lanes(plain.data(), to, add);
  }
}

}  // namespace espalier
