// Convolutions of single images: their pixels, not other images, fill the vectors. A plane with its
// halo is taken as one long row, in which a tap is a constant distance; the results at the ends of
// rows, where the window wraps around, are computed and not used.
#include <algorithm>

#include "core/kernels/multiply_tile.h"
#include "core/kernels/scratch.h"
#include "core/kernels/sparse_conv.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr int kTileO = tile_channels(kRegisters);
constexpr int kTileV = 4, kSparseV = 8;  // vectors of pixels

// V vectors of positions, O channels: sums over all input channels and taps, into to[o][position].
template <int O, int V>
void tile(const SmallConvPass& pass, const float* in, const float* weights, float* to,
          std::int64_t to_stride) {
  Vec sum[O][V] = {};
  const float* pixel[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) pixel[v] = in + v * kLanes;
  for (int c = 0; c < pass.in.channels; ++c)
    for (int ky = 0; ky < pass.kernel_h; ++ky)
      for (int kx = 0; kx < pass.kernel_w; ++kx, weights += O)
        multiply_tile(weights, pixel, c * pass.in.channel_stride + ky * pass.in.row_stride + kx,
                      sum);
#pragma GCC unroll 4
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(to + o * to_stride + v * kLanes, sum[o][v]);
}

template <int O>
void row_of_tiles(const SmallConvPass& pass, const float* in, const float* weights,
                  std::int64_t positions, float* to, std::int64_t to_stride) {
  constexpr decltype(&tile<O, 1>) kTiles[] = {tile<O, 1>, tile<O, 2>, tile<O, 3>, tile<O, kTileV>};
  for (std::int64_t at = 0; at < positions; at += kTileV * kLanes) {
    const std::int64_t vectors = (positions - at + kLanes - 1) / kLanes;
    kTiles[std::min<std::int64_t>(vectors, kTileV) - 1](pass, in + at, weights, to + at, to_stride);
  }
}

// V vectors of positions of one channel: the sum over its taps.
template <int V>
void sparse_tile(const float* in, const Tap* tap, const Tap* end, float* to) {
  Vec sum[V] = {};
  for (; tap != end; ++tap) {
    const Vec w = broadcast(tap->weight[0]);
    const float* x = in + tap->offset;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[v] += w * load_unaligned(x + v * kLanes);
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) store(to + v * kLanes, sum[v]);
}

void sparse_row(const float* in, const Tap* tap, const Tap* end, std::int64_t positions,
                float* to) {
  std::int64_t at = 0;
  for (; at + (kSparseV - 1) * kLanes < positions; at += kSparseV * kLanes)
    sparse_tile<kSparseV>(in + at, tap, end, to + at);
  for (; at + 3 * kLanes < positions; at += 4 * kLanes) sparse_tile<4>(in + at, tap, end, to + at);
  for (; at < positions; at += kLanes) sparse_tile<1>(in + at, tap, end, to + at);
}

// One output plane from the long row: bias, ReLU, and every stride-th pixel of every stride-th row.
void write_plane(const SmallConvPass& pass, std::int64_t image, int channel, const float* from) {
  zero_halo(pass.out, image, channel);
  float* plane = pass.out.plane(image, channel);
  const float bias = pass.bias ? pass.bias[channel] : 0;
  for (int y = 0; y < pass.out.height; ++y) {
    const float* row = from + y * pass.stride.y * pass.in.row_stride;
    for (int x = 0; x < pass.out.width; ++x) {
      const float value = row[x * pass.stride.x] + bias;
      const float most = value > pass.relu_limit ? pass.relu_limit : value;
      plane[y * pass.out.row_stride + x] = pass.relu && value < 0 ? 0 : most;
    }
  }
}

// Image by image, and tile by tile of the output channels: sum(image, first channel, channels,
// positions, to, to_stride) computes the long rows, the rest is done here.
template <class Sum>
void for_tiles(const SmallConvPass& pass, const ChannelTiles& tiles, const Sum& sum) {
  const Planes& in = pass.in;
  const std::int64_t positions = (pass.out.height - 1) * pass.stride.y * in.row_stride +
                                 (pass.out.width - 1) * pass.stride.x + 1;
  const std::int64_t row = (positions + kLanes - 1) / kLanes * kLanes;
  // Copied so that reading a vector from its last pixel stays inside the memory.
  const Scratch<float> image(in.block_stride + kLanes);
  std::fill_n(image.data() + in.block_stride, kLanes, 0.0f);
  for (std::int64_t n = 0; n < in.images; ++n) {
    std::copy_n(in.data + n * in.block_stride, in.block_stride, image.data());
    parallel_for(tiles.count, [&](std::int64_t i) {
      const int t = static_cast<int>(i), first = tiles.first(t), width = tiles.width(t);
      const Scratch<float> sums(width * row);
      sum(image.data(), first, width, positions, sums.data(), row);
      for (int o = 0; o < width; ++o) write_plane(pass, n, first + o, sums.data() + o * row);
    });
  }
}

}  // namespace

void run(const SmallConvPass& pass) {
  const std::int64_t taps = std::int64_t{pass.in.channels} * pass.kernel_h * pass.kernel_w;
  const std::int64_t corner =
      (pass.in.halo - pass.top) * pass.in.row_stride + pass.in.halo - pass.left;
  for_tiles(pass, ChannelTiles(pass.out.channels, kTileO),
            [&](const float* image, int first, int width, std::int64_t positions, float* to,
                std::int64_t to_stride) {
              const auto run_tile = width == 1   ? row_of_tiles<1>
                                    : width == 2 ? row_of_tiles<2>
                                    : width == 3 ? row_of_tiles<3>
                                                 : row_of_tiles<kTileO>;
              run_tile(pass, image + corner, pass.weights + first * taps, positions, to, to_stride);
            });
}

void run(const SparseSmallPass& pass) {
  constexpr int kRows = 8;  // of an item
  const std::uint32_t* starts = pass.order->starts(0);
  // Offsets count from the pixel at the position, which lies behind the halo.
  const std::int64_t corner = pass.in.halo * (pass.in.row_stride + 1);
  for_tiles(pass, ChannelTiles(pass.out.channels, kRows),
            [&](const float* image, int first, int width, std::int64_t positions, float* to,
                std::int64_t to_stride) {
              for (int o = first; o < first + width; ++o, to += to_stride)
                sparse_row(image + corner, pass.taps + starts[o], pass.taps + starts[o + 1],
                           positions, to);
            });
}

}  // namespace espalier
