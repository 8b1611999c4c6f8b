// The convolution of a single image: its pixels, not other images, fill the vectors. A plane with
// its halo is taken as one long row, in which a tap is a constant distance; the results at the ends
// of rows, where the window wraps around, are computed and not used.
#include <algorithm>

#include "core/kernels/conv.h"
#include "core/kernels/small_planes.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr int kTileO = tile_channels(kRegisters);
constexpr int kTileV = 4;  // vectors of pixels

// V vectors of positions, O channels: sums over all input channels and taps, into to[o][position].
template <int O, int V>
void tile(const SmallConvPass& pass, const float* in, const float* weights, float* to,
          std::int64_t to_stride) {
  Vec sum[O][V] = {};
  for (int c = 0; c < pass.in.channels; ++c, in += pass.in.channel_stride)
    for (int ky = 0; ky < pass.kernel_h; ++ky)
      for (int kx = 0; kx < pass.kernel_w; ++kx, weights += O) {
        Vec x[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          x[v] = load_unaligned(in + ky * pass.in.row_stride + kx + v * kLanes);
          keep_in_register(x[v]);
        }
#pragma GCC unroll 4
        for (int o = 0; o < O; ++o) {
          Vec w = broadcast(weights[o]);
          keep_in_register(w);
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) sum[o][v] += w * x[v];
        }
      }
#pragma GCC unroll 4
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(to + o * to_stride + v * kLanes, sum[o][v]);
}

template <int O>
void row_of_tiles(const SmallConvPass& pass, const float* in, const float* weights,
                  std::int64_t positions, float* to, std::int64_t to_stride) {
  for (std::int64_t at = 0; at < positions; at += kTileV * kLanes)
    switch (std::min<std::int64_t>((positions - at + kLanes - 1) / kLanes, kTileV)) {
      case 1:
        tile<O, 1>(pass, in + at, weights, to + at, to_stride);
        break;
      case 2:
        tile<O, 2>(pass, in + at, weights, to + at, to_stride);
        break;
      case 3:
        tile<O, 3>(pass, in + at, weights, to + at, to_stride);
        break;
      default:
        tile<O, 4>(pass, in + at, weights, to + at, to_stride);
    }
}

}  // namespace

void run(const SmallConvPass& pass) {
  const ChannelTiles tiles(pass.out.channels, kTileO);
  const std::int64_t taps =
      static_cast<std::int64_t>(pass.in.channels) * pass.kernel_h * pass.kernel_w;
  const std::int64_t positions = (pass.out.height - 1) * pass.stride_y * pass.in.row_stride +
                                 (pass.out.width - 1) * pass.stride_x + 1;
  const std::int64_t row = (positions + kLanes - 1) / kLanes * kLanes;
  const std::int64_t first =
      (pass.in.halo - pass.top) * pass.in.row_stride + pass.in.halo - pass.left;
  PaddedImage image(pass.in);
  for (std::int64_t n = 0; n < pass.in.images; ++n) {
    image.copy(pass.in.data + n * pass.in.block_stride);
    parallel_for(tiles.count, [&](std::int64_t i) {
      const int t = static_cast<int>(i), channel = tiles.first(t), width = tiles.width(t);
      const std::size_t bytes = static_cast<std::size_t>(width * row) * sizeof(float);
      float* sums = static_cast<float*>(allocate(bytes));
      const auto run_tile = width == 1   ? row_of_tiles<1>
                            : width == 2 ? row_of_tiles<2>
                            : width == 3 ? row_of_tiles<3>
                                         : row_of_tiles<kTileO>;
      run_tile(pass, image.data() + first, pass.weights + channel * taps, positions, sums, row);
      for (int o = 0; o < width; ++o) write_plane(pass, n, channel + o, sums + o * row);
      release(sums, bytes);
    });
  }
}

}  // namespace espalier
