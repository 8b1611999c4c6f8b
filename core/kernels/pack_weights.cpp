// Weights in the order in which the direct kernel reads them.
#include <algorithm>
#include <vector>

#include "core/kernels/conv.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr int kTileO = tile_channels(kRegisters);

// The taps of one input channel, O output channels side by side.
template <int O>
void pack_taps(const float* from, std::int64_t out_stride, const std::int64_t* tap_at, int taps,
               float* to) {
  for (int t = 0; t < taps; ++t)
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o) *to++ = from[o * out_stride + tap_at[t]];
}

using PackFunction = void (*)(const float*, std::int64_t, const std::int64_t*, int, float*);

PackFunction find_pack(int out_channels) {
  switch (out_channels) {
    case 1:
      return pack_taps<1>;
    case 2:
      return pack_taps<2>;
    case 3:
      return pack_taps<3>;
    default:
      return pack_taps<kTileO>;
  }
}

}  // namespace

void pack_weights(const WeightView& from, int out_channels, int channels, int kernel_h,
                  int kernel_w, float* packed) {
  const ChannelTiles tiles(out_channels, kTileO);
  const int taps = kernel_h * kernel_w;
  std::vector<std::int64_t, PoolAllocator<std::int64_t>> tap_at;
  for (int ky = 0; ky < kernel_h; ++ky)
    for (int kx = 0; kx < kernel_w; ++kx)
      tap_at.push_back(ky * from.row_stride + kx * from.column_stride);
  const auto pack = [&](int tile, int c) {
    const int first = tiles.first(tile), width = tiles.width(tile);
    find_pack(width)(from.data + first * from.out_stride + c * from.in_stride, from.out_stride,
                     tap_at.data(), taps,
                     packed + (static_cast<std::int64_t>(first) * channels + c * width) * taps);
  };
  // Some tiles are written side by side where their weights are neighbours in what is read.
  constexpr std::int64_t kSide = 8;
  const std::int64_t grain =
      std::max(kSide, 65536 / (static_cast<std::int64_t>(taps) * channels * kTileO));
  parallel_ranges(tiles.count, grain, [&](std::int64_t begin, std::int64_t end) {
    const int first = static_cast<int>(begin), last = static_cast<int>(end);
    if (from.out_stride > from.in_stride) {
      for (int tile = first; tile < last; ++tile)
        for (int c = 0; c < channels; ++c) pack(tile, c);
    } else {
      for (int c = 0; c < channels; ++c)
        for (int tile = first; tile < last; ++tile) {
          // Rows are far from each other, and each is too short for the processor to see it coming.
          const float* below =
              from.data + tiles.first(tile) * from.out_stride + (c + 2) * from.in_stride;
          for (int i = 0; i < kTileO * taps; i += 16) __builtin_prefetch(below + i);
          pack(tile, c);
        }
    }
  });
}

}  // namespace espalier
