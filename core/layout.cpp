// Layout: sizes, strides and the halo.
#include "core/layout.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/simd.h"

namespace espalier {
namespace {

// Below this many images a block of one image each is faster than a block of all lanes.
constexpr std::int64_t kSmallBatch = 4;

// Planes an even number of lines apart meet in few sets of the caches and displace each other
// there, so those without a halo are followed by one line more, of zeros, unless they are small.
constexpr std::int64_t kLine = 16, kApart = 8 * kLine;  // floats

std::int64_t blocks_of(std::int64_t images, int lanes) { return (images + lanes - 1) / lanes; }

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

}  // namespace espalier
