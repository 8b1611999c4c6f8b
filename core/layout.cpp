// Layout: sizes, strides, the halo, and copies between row-major order and lanes. The images of a
// block lie far apart in row-major order and side by side in lanes, so a copy transposes: a square
// of kLanes images by kLanes neighbouring elements at a time, which reads and writes whole vectors
// on both sides.
#include "core/layout.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/kernels/planes.h"
#include "core/kernels/transpose.h"
#include "core/memory.h"

namespace espalier {
namespace {

// Below this many images a block of one image each is faster than a block of all lanes.
constexpr std::int64_t kSmallBatch = 4;

// Planes an even number of lines apart meet in few sets of the caches and displace each other
// there, so those without a halo are followed by one line more, of zeros, unless they are small.
constexpr std::int64_t kLine = 16, kApart = 8 * kLine;  // floats

std::int64_t blocks_of(std::int64_t images, int lanes) { return (images + lanes - 1) / lanes; }

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

// One way or the other; `plain` is where row-major order begins.
template <bool kToLanes>
void copy_run(const Run& run, float* plain, std::int64_t image_size, bool add) {
  for (std::int64_t i = 0; i < run.length; i += kLanes) {
    const std::int64_t count = std::min<std::int64_t>(kLanes, run.length - i);
    float* const first = plain + run.plain + i;
    float* const lanes = run.lanes + i * run.step;
    Square square = {};  // zeros for the padding lanes
    if constexpr (kToLanes)
      for (std::int64_t image = 0; image < run.images; ++image)
        square[image] = take(first + image * image_size, count);
    else
      for (std::int64_t k = 0; k < count; ++k) square[k] = load(lanes + k * run.step);
    transpose(square);
    if constexpr (kToLanes)
      for (std::int64_t k = 0; k < count; ++k) put(lanes + k * run.step, square[k], kLanes, add);
    else
      for (std::int64_t image = 0; image < run.images; ++image)
        put(first + image * image_size, square[image], count, add);
  }
}

template <bool kToLanes>
void copy(const Planes& planes, float* plain, bool add) {
  if (kToLanes && !add)
    for_each_plane(planes, [&](std::int64_t block, std::int64_t channel) {
      zero_halo(planes, block, channel);
    });
  const std::int64_t image_size = std::int64_t{planes.channels} * planes.height * planes.width;
  for_runs(planes, [&](const Run& run) {
    if (planes.lanes == kLanes) return copy_run<kToLanes>(run, plain, image_size, add);
    for (std::int64_t i = 0; i < run.length; ++i) {
      float &in_lanes = run.lanes[i * run.step], &in_plain = plain[run.plain + i];
      float &to = kToLanes ? in_lanes : in_plain, &from = kToLanes ? in_plain : in_lanes;
      to = add ? to + from : from;
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

int simd_lanes() { return kLanes; }

Layout Layout::for_batch(std::int64_t images, bool with_gradient, int halo) {
  return {.lanes = with_gradient || images > kSmallBatch ? kLanes : 1, .halo = halo};
}

std::int64_t storage_size(const Shape& shape, const Layout& layout) {
  if (layout.plain()) return shape.numel();
  const Planes p = planes_of(nullptr, shape, layout);
  return shape.rank() == 2 ? p.channels * p.channel_stride : p.blocks * p.block_stride;
}

Planes planes_of(float* data, const Shape& shape, const Layout& layout) {
  check(!layout.plain() && (shape.rank() == 4 || shape.rank() == 2),
        "layout: found a tensor of rank ", shape.rank(),
        ", expected images [N, C, H, W] or features [N, F] in lanes");
  Planes p;
  p.data = data;
  p.images = shape[0];
  p.lanes = layout.lanes;
  p.blocks = static_cast<int>(blocks_of(shape[0], layout.lanes));
  p.channels = static_cast<int>(shape[1]);
  if (shape.rank() == 2) {
    p.height = p.width = 1;
    p.row_stride = p.lanes;
    p.block_stride = p.lanes;
    p.channel_stride = static_cast<std::int64_t>(p.blocks) * p.lanes;
  } else {
    p.height = static_cast<int>(shape[2]);
    p.width = static_cast<int>(shape[3]);
    p.halo = layout.halo;
    p.row_stride = static_cast<std::int64_t>(p.width + 2 * p.halo) * p.lanes;
    p.channel_stride = (p.height + 2 * p.halo) * p.row_stride;
    if (p.halo == 0 && p.lanes == kLanes && p.channel_stride >= kApart &&
        p.channel_stride % (2 * kLine) == 0)
      p.channel_stride += kLine;
    p.block_stride = p.channels * p.channel_stride;
  }
  return p;
}

void zero_halo(const Planes& p, std::int64_t block, std::int64_t channel) {
  float* first = p.data + block * p.block_stride + channel * p.channel_stride;
  if (p.halo == 0) {
    // The blocks of a channel of features lie side by side.
    const std::int64_t end = std::min(p.channel_stride, p.block_stride);
    std::fill(first + std::min(p.height * p.row_stride, end), first + end, 0.0f);
    return;
  }
  const std::int64_t band = p.halo * p.row_stride;  // rows above, and below
  const std::int64_t side = static_cast<std::int64_t>(p.halo) * p.lanes;
  std::memset(first, 0, static_cast<std::size_t>(band + side) * sizeof(float));
  for (int y = 0; y + 1 < p.height; ++y)  // the right end of row y and the left end of row y + 1
    std::memset(first + band + (y + 1) * p.row_stride - side, 0,
                static_cast<std::size_t>(2 * side) * sizeof(float));
  std::memset(first + p.channel_stride - band - side, 0,
              static_cast<std::size_t>(band + side) * sizeof(float));
}

void relayout(const Shape& shape, const float* from, const Layout& from_layout, float* to,
              const Layout& to_layout, bool add) {
  const auto planes = [&](const float* data, const Layout& layout) {
    return planes_of(const_cast<float*>(data), shape, layout);
  };
  const std::int64_t count = shape.numel();
  if (from_layout.plain() && to_layout.plain()) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = add ? to[i] + from[i] : from[i];
  } else if (from_layout.plain()) {
    copy<true>(planes(to, to_layout), const_cast<float*>(from), add);
  } else if (to_layout.plain()) {
    copy<false>(planes(from, from_layout), to, add);
  } else if (from_layout.lanes == to_layout.lanes) {
    with_element(to_layout.lanes, [&](auto element) {
      move_rows<decltype(element)>(planes(from, from_layout), planes(to, to_layout), add);
    });
  } else {
    std::vector<float, PoolAllocator<float>> plain(static_cast<std::size_t>(count));
    copy<false>(planes(from, from_layout), plain.data(), false);
    copy<true>(planes(to, to_layout), plain.data(), add);
  }
}

}  // namespace espalier
