// The sparse convolution of a single image, whose pixels fill the vectors: planes are long rows, as
// in conv_small.cpp, and a tap is one multiply-add for each vector of positions.
#include <algorithm>

#include "core/kernels/scratch.h"
#include "core/kernels/small_planes.h"
#include "core/kernels/sparse_conv.h"
#include "core/parallel.h"

namespace espalier {
namespace {

constexpr int kTileV = 8;  // vectors of positions

template <int V>
void tile(const float* in, const Tap* tap, const Tap* end, float* to) {
  Vec sum[V] = {};
  for (; tap != end; ++tap) {
    const Vec w = broadcast(tap->weight);
    const float* x = in + tap->offset;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[v] += w * load_unaligned(x + v * kLanes);
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) store(to + v * kLanes, sum[v]);
}

void long_row(const float* in, const Tap* tap, const Tap* end, std::int64_t positions, float* to) {
  std::int64_t at = 0;
  for (; at + (kTileV - 1) * kLanes < positions; at += kTileV * kLanes)
    tile<kTileV>(in + at, tap, end, to + at);
  for (; at + 3 * kLanes < positions; at += 4 * kLanes) tile<4>(in + at, tap, end, to + at);
  for (; at < positions; at += kLanes) tile<1>(in + at, tap, end, to + at);
}

}  // namespace

void run(const SparseSmallPass& pass) {
  const SmallConvPass& conv = pass.conv;
  const Planes &in = conv.in, &out = conv.out;
  const std::int64_t positions =
      (out.height - 1) * conv.stride_y * in.row_stride + (out.width - 1) * conv.stride_x + 1;
  const std::int64_t row = (positions + kLanes - 1) / kLanes * kLanes;
  const std::uint32_t* starts = pass.order->starts(0);
  constexpr std::int64_t kRows = 8;  // of an item at least
  PaddedImage image(in);
  // Offsets count from the pixel at the position, which lies behind the halo.
  const float* first = image.data() + in.halo * (in.row_stride + 1);
  for (std::int64_t n = 0; n < in.images; ++n) {
    image.copy(in.data + n * in.block_stride);
    parallel_ranges(out.channels, kRows, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<float> sums(row);
      for (std::int64_t o = begin; o < end; ++o) {
        long_row(first, pass.taps + starts[o], pass.taps + starts[o + 1], positions, sums.data());
        write_plane(conv, n, static_cast<int>(o), sums.data());
      }
    });
  }
}

}  // namespace espalier
