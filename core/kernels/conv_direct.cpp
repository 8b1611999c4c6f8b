// The direct convolution kernel: a register tile of four output pixels by four output channels,
// each a vector of images. Every load is an aligned vector of the input or one broadcast weight; an
// output is written once, after bias, ReLU and 2x2 max-pool have been applied in registers.
#include <algorithm>

#include "core/kernels/conv.h"
#include "core/kernels/multiply_tile.h"
#include "core/kernels/scratch.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr int kTileO = tile_channels(kRegisters);
constexpr int kTileP = 4;     // pixels; also the four pixels of a pooling window
constexpr int kOnly2x2 = -1;  // as the size of a kernel: see meets_only_2x2

// Where the pixels of a tile are read and written, as offsets in floats.
struct Pixels {
  std::int64_t in[kTileP];
  std::int64_t out[kTileP];
};

// Lines of the input that are asked for meanwhile, neighbours in each channel.
struct Ahead {
  const float* first;
  int lines;
};

// KH x KW taps at compile time; 0: as many as the pass says. The channels [first, last).
template <int O, int P, int KH, int KW>
[[gnu::always_inline]] inline void accumulate(const ConvPass& pass, int first, int last,
                                              const float* const (&pixel)[P], const float* weights,
                                              const Ahead& ahead, Vec (&sum)[O][P]) {
  const int kernel_h = KH ? KH : pass.kernel_h, kernel_w = KW ? KW : pass.kernel_w;
  for (int c = first; c < last; ++c) {
    std::int64_t row = c * pass.in_channel;
    for (int line = 0; line < ahead.lines; ++line)
      __builtin_prefetch(ahead.first + row + line * kLanes, 0, 2);
#pragma GCC unroll 3
    for (int ky = 0; ky < kernel_h; ++ky, row += pass.in_row) {
#pragma GCC unroll 5
      for (int kx = 0; kx < kernel_w; ++kx)
        multiply_tile(weights + kx * O, pixel, row + kx * kLanes, sum);
      weights += kernel_w * O;
    }
  }
}

// The same for all four pixels of a 2x2 plane and 3x3 taps, of which each pixel has four that meet
// pixels and five that would meet the zeros around them.
template <int O>
[[gnu::always_inline]] inline void accumulate_2x2(const ConvPass& pass, int first, int last,
                                                  const float* in, const float* weights,
                                                  Vec (&sum)[O][kTileP]) {
  in += first * pass.in_channel + pass.in_row + kLanes;
  for (int c = first; c < last; ++c, in += pass.in_channel, weights += 9 * O) {
    Vec x[kTileP];
#pragma GCC unroll 4
    for (int p = 0; p < kTileP; ++p) {
      x[p] = load(in + p / 2 * pass.in_row + p % 2 * kLanes);
      keep_in_register(x[p]);
    }
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o)
#pragma GCC unroll 9
      for (int tap = 0; tap < 9; ++tap) {
        Vec w = broadcast(weights[tap * O + o]);
        keep_in_register(w);
#pragma GCC unroll 4
        for (int p = 0; p < kTileP; ++p) {
          const int y = p / 2 + tap / 3 - 1, x_ = p % 2 + tap % 3 - 1;
          if (y >= 0 && y < 2 && x_ >= 0 && x_ < 2) sum[o][p] += w * x[y * 2 + x_];
        }
      }
  }
}

// The maximum of a window, cut at zero, and which pixel it came from: the first where several are
// equal. A NaN at the window's last pixel wins; one in the input or the weights meets the last
// pixel of some window wherever the kernel is larger than one tap, so none is lost on the way to
// the loss.
[[gnu::always_inline]] inline void pool_window(const Vec (&value)[kTileP], float* out,
                                               std::uint8_t* argmax) {
  const Vec upper = max(value[0], value[1]), lower = max(value[2], value[3]);
  const Vec best = max(upper, lower);
  const VecInt upper_index = value[1] > value[0] ? VecInt{} + 1 : VecInt{};
  const VecInt lower_index = value[3] > value[2] ? VecInt{} + 3 : VecInt{} + 2;
  VecInt index = lower > upper ? lower_index : upper_index;
  index = best <= 0 ? VecInt{} + kDeadWindow : index;
  store(out, relu(best));
  *reinterpret_cast<Bytes*>(argmax) = __builtin_convertvector(index, Bytes);
}

// A large output with few sums behind each value is written at the speed of memory. It would not be
// in the caches any more when it is needed.
bool goes_past_caches(const ConvPass& pass) {
  constexpr std::int64_t kLarge = 1 << 20;  // floats
  return !pass.add && pass.channels * pass.kernel_h * pass.kernel_w < 64 &&
         pass.out_block * pass.blocks > kLarge;
}

// What lies just below the input of a tile of pixels, asked for a row of tiles before it is needed:
// there are more streams (rows times channels) than the processor follows by itself. Each tile of
// channels asks for a share of these lines, for memory is better kept busy evenly.
struct Below {
  Below(const ConvPass& pass, int channel_tiles)
      : width(static_cast<int>(kTileP * pass.in_step_x / kLanes)),
        lines(pass.rows < 8 ? 0 : width * static_cast<int>(pass.in_step_y / pass.in_row)) {
    while (share * channel_tiles < lines && share < kTileP) share *= 2;
  }
  int width, lines;  // of a row; of all of them
  int share = 1;
};

// Input channels of which a tile of pixels lies in the first-level cache, where all output channels
// find it. With more, sums are set aside from one block of channels to the next.
int channels_of_block(const ConvPass& pass) {
  constexpr std::int64_t kBytes = 20 << 10;
  const std::int64_t pixels =
      pass.kernel_h * (pass.kernel_w + (kTileP - 1) * pass.in_step_x / kLanes);
  const auto most = static_cast<int>(
      std::max<std::int64_t>(kBytes / (pixels * kLanes * std::int64_t{sizeof(float)} + 1), 16));
  const int blocks = (pass.channels + most - 1) / most;
  return (pass.channels + blocks - 1) / blocks;
}

// What does not change from strip to strip.
struct Job {
  Job(const ConvPass& pass, int channel_tiles, std::int64_t argmax_channel, float* sums)
      : pass(pass),
        past_caches(goes_past_caches(pass)),
        argmax_channel(argmax_channel),
        sums(sums),
        below(pass, channel_tiles) {}
  const ConvPass& pass;
  bool past_caches;
  std::int64_t argmax_channel;  // bytes between channels
  float* sums;                  // of a block of input channels, one tile after the other
  Below below;
  int first = 0, last = 0;  // the block: input channels
};

// Calls f(o, p) for each output channel and pixel of a tile.
template <int O, int P, class Function>
[[gnu::always_inline]] inline void for_tile(const Function& f) {
#pragma GCC unroll 4
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) f(o, p);
}

// Some pixels of one image block and the output channels [first, last), in tiles of O.
template <int O, int P, int KH, int KW>
void strip(const Job& job, const float* in, const Pixels& at, int first, int last, float* out,
           std::uint8_t* argmax) {
  const ConvPass& pass = job.pass;
  const std::int64_t taps =
      static_cast<std::int64_t>(pass.channels) * pass.kernel_h * pass.kernel_w;
  const bool past_caches = job.past_caches, relu_wanted = pass.relu;
  const bool limited = pass.relu_limit < kNoLimit;
  const bool begins = job.first == 0, ends = job.last == pass.channels;
  const std::int64_t argmax_channel = job.argmax_channel;
  const float* pixel[P];
  // One by one: offsets just stored singly and loaded as one vector would come from the cache,
  // which they reach behind all that the multiply-adds under way have yet to store.
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) pixel[p] = in + at.in[p];
  const float* ahead = pixel[0] + pass.kernel_h * pass.in_row;
  int asked = 0, column = 0;
  for (int channel = first; channel < last; channel += O) {
    Vec sum[O][P];
    float* to[O];
    float* const parts = job.sums + channel * kTileP * kLanes;
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o) {
      to[o] = out + (channel + o) * pass.out_channel;
      const float bias = pass.bias ? pass.bias[channel + o] : 0.0f;
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p)
        sum[o][p] = !begins    ? load(parts + (o * P + p) * kLanes)
                    : pass.add ? load(to[o] + at.out[p])
                               : broadcast(bias);
    }
    const auto addend = [&](int o, int p) { return pass.addend + (to[o] - pass.out) + at.out[p]; };
    if (ends && P == kTileP && argmax) {
#pragma GCC unroll 4
      for (int o = 0; o < O; ++o) {
        __builtin_prefetch(to[o] + at.out[0], 1);
        __builtin_prefetch(argmax + (channel + o) * argmax_channel, 1);
      }
    } else if (ends) {
      if (pass.addend) for_tile<O, P>([&](int o, int p) { __builtin_prefetch(addend(o, p)); });
      if (!past_caches)
        for_tile<O, P>([&](int o, int p) { __builtin_prefetch(to[o] + at.out[p], 1); });
    }
    const float* weights = pass.weights + channel * taps + job.first * taps / pass.channels * O;
    if constexpr (KH == kOnly2x2)
      accumulate_2x2<O>(pass, job.first, job.last, pixel[0], weights, sum);
    else
      accumulate<O, P, KH, KW>(pass, job.first, job.last, pixel, weights,
                               {ahead, asked < job.below.lines ? job.below.share : 0}, sum);
    asked += job.below.share;
    column += job.below.share;
    ahead += job.below.share * kLanes;
    if (column >= job.below.width) {
      ahead += pass.in_row - std::int64_t{column} * kLanes;
      column = 0;
    }
    if (!ends) {
      for_tile<O, P>([&](int o, int p) { store(parts + (o * P + p) * kLanes, sum[o][p]); });
      continue;
    }
    if (P == kTileP && argmax) {
      if constexpr (P == kTileP)
#pragma GCC unroll 4
        for (int o = 0; o < O; ++o)
          pool_window(sum[o], to[o] + at.out[0], argmax + (channel + o) * argmax_channel);
      continue;
    }
    if (pass.addend) for_tile<O, P>([&](int o, int p) { sum[o][p] += load(addend(o, p)); });
    if (relu_wanted) for_tile<O, P>([&](int o, int p) { sum[o][p] = relu(sum[o][p]); });
    if (limited)
      for_tile<O, P>([&](int o, int p) { sum[o][p] = at_most(sum[o][p], pass.relu_limit); });
    if (past_caches)
      for_tile<O, P>([&](int o, int p) { stream(to[o] + at.out[p], sum[o][p]); });
    else
      for_tile<O, P>([&](int o, int p) { store(to[o] + at.out[p], sum[o][p]); });
  }
}

using StripFunction = void (*)(const Job&, const float*, const Pixels&, int, int, float*,
                               std::uint8_t*);

// The kernels that networks have, and those that a stride of 2 splits a 3x3 one into on the way
// back.
template <int O, int P>
StripFunction strip_for_kernel(int h, int w) {
  if (h == 3 && w == 3) return strip<O, P, 3, 3>;
  if (h == 1 && w == 1) return strip<O, P, 1, 1>;
  if (h == 1 && w == 2) return strip<O, P, 1, 2>;
  if (h == 2 && w == 1) return strip<O, P, 2, 1>;
  if (h == 2 && w == 2) return strip<O, P, 2, 2>;
  return w == 5 ? strip<O, P, 0, 5> : strip<O, P, 0, 0>;
}

template <int O>
StripFunction strip_for_pixels(const ConvPass& pass, int pixels) {
  const int h = pass.kernel_h, w = pass.kernel_w;
  if (pass.only_2x2) return strip<O, kTileP, kOnly2x2, kOnly2x2>;
  switch (pixels) {
    case 1:
      return strip_for_kernel<O, 1>(h, w);
    case 2:
      return strip_for_kernel<O, 2>(h, w);
    case 3:
      return strip_for_kernel<O, 3>(h, w);
    default:
      return strip_for_kernel<O, 4>(h, w);
  }
}

StripFunction find_strip(const ConvPass& pass, int out_channels, int pixels) {
  switch (out_channels) {
    case 1:
      return strip_for_pixels<1>(pass, pixels);
    case 2:
      return strip_for_pixels<2>(pass, pixels);
    case 3:
      return strip_for_pixels<3>(pass, pixels);
    default:
      return strip_for_pixels<kTileO>(pass, pixels);
  }
}

// The pixels of tile number `index`: a pooling window, or the next four in row order, which may
// run over the end of a row. Returns how many there are.
int pixels_of(const ConvPass& pass, std::int64_t index, Pixels& at) {
  if (pass.argmax) {
    const std::int64_t wy = index / (pass.columns / 2), wx = index % (pass.columns / 2);
    for (int p = 0; p < kTileP; ++p)
      at.in[p] = (2 * wy + p / 2) * pass.in_step_y + (2 * wx + p % 2) * pass.in_step_x;
    at.out[0] = wy * pass.out_step_y + wx * pass.out_step_x;
    return kTileP;
  }
  const std::int64_t count = static_cast<std::int64_t>(pass.rows) * pass.columns;
  const int pixels = static_cast<int>(std::min<std::int64_t>(kTileP, count - index * kTileP));
  std::int64_t y = index * kTileP / pass.columns, x = index * kTileP % pass.columns;
  for (int p = 0; p < pixels; ++p) {
    at.in[p] = y * pass.in_step_y + x * pass.in_step_x;
    at.out[p] = y * pass.out_step_y + x * pass.out_step_x;
    if (++x == pass.columns) x = 0, ++y;
  }
  return pixels;
}

std::int64_t tiles_of(const ConvPass& pass) {
  const std::int64_t area = static_cast<std::int64_t>(pass.rows) * pass.columns;
  return pass.argmax ? area / kTileP : (area + kTileP - 1) / kTileP;
}

// As zero_halo, past the caches.
void stream_halo(const Planes& planes, std::int64_t block, std::int64_t channel) {
  float* to = planes.data + block * planes.block_stride + channel * planes.channel_stride;
  float* const end = to + planes.channel_stride;
  const std::int64_t band = planes.halo * (planes.row_stride + kLanes);
  const auto zero = [&](float* until) {
    for (; to < until; to += kLanes) stream(to, Vec{});
  };
  zero(to + band);  // the rows above, and the left end of the first
  for (int y = 0; y + 1 < planes.height; ++y) {
    to += planes.width * kLanes;
    zero(to + 2 * planes.halo * kLanes);  // the right end of a row and the left end of the next
  }
  to += planes.width * kLanes;
  zero(end);
}

// What one item computes: some tiles of output channels, at some of the pixels of one block.
struct Item {
  std::int64_t block, pixel_part, pixel_parts;
  int first_channel, last_channel;
};

void run_item(const ConvPass& shared_pass, const ChannelTiles& shared_tiles, const Item& item) {
  // Copies: the caller's lie on a stack whose thread writes beside them, and each time it does,
  // others have to fetch the line anew.
  const ConvPass pass = shared_pass;
  const ChannelTiles channel_tiles = shared_tiles;
  const std::int64_t tiles = tiles_of(pass);
  const float* in = pass.in + item.block * pass.in_block;
  float* out = pass.out + item.block * pass.out_block;
  const int first = item.first_channel, last = item.last_channel;
  if (pass.halo_of.data && item.pixel_part == 0)
    for (int o = first; o < last; ++o)
      (goes_past_caches(pass) ? stream_halo : zero_halo)(pass.halo_of, item.block, o);

  const int narrow = std::clamp(channel_tiles.first(channel_tiles.wide_tiles), first, last);
  const int tiles_of_channels = (last - first + channel_tiles.widest - 1) / channel_tiles.widest;
  const int block = channels_of_block(pass);
  const std::int64_t sums = block < pass.channels ? std::int64_t{kTileP} * kLanes : 0;
  const Scratch<float> parts(sums * (last - first));
  Job job(pass, tiles_of_channels, tiles * kLanes, parts.data() - sums * first);
  const std::int64_t end = tiles * (item.pixel_part + 1) / item.pixel_parts;
  for (std::int64_t t = tiles * item.pixel_part / item.pixel_parts; t < end; ++t) {
    Pixels at;
    const int pixels = pixels_of(pass, t, at);
    std::uint8_t* argmax =
        pass.argmax ? pass.argmax + (item.block * pass.out_channels * tiles + t) * kLanes : nullptr;
    for (job.first = 0; job.first < pass.channels; job.first = job.last) {
      job.last = std::min(job.first + block, pass.channels);
      if (first < narrow)
        find_strip(pass, channel_tiles.widest, pixels)(job, in, at, first, narrow, out, argmax);
      if (narrow < last)
        find_strip(pass, channel_tiles.widest - 1, pixels)(job, in, at, narrow, last, out, argmax);
    }
  }
}

}  // namespace

void run(std::span<const ConvPass> passes) {
  const ConvPass& one = passes[0];
  const ChannelTiles channel_tiles(one.out_channels, kTileO);

  // Enough items to keep threads busy to the end: split the pixels first, which shares the weights
  // in cache, then the channels.
  constexpr std::int64_t kItems = 32;
  std::int64_t tiles = 0;
  for (const ConvPass& pass : passes) tiles = std::max(tiles, tiles_of(pass));
  const std::int64_t pixel_parts =
      std::clamp<std::int64_t>((kItems + one.blocks - 1) / one.blocks, 1, tiles);
  const std::int64_t channel_parts =
      std::clamp<std::int64_t>(kItems / 2 / (one.blocks * pixel_parts), 1, channel_tiles.count);

  parallel_for(one.blocks * pixel_parts * channel_parts, [&](std::int64_t i) {
    const std::int64_t part = i % channel_parts;
    const auto channel = [&](std::int64_t after) {
      return channel_tiles.first(static_cast<int>(channel_tiles.count * after / channel_parts));
    };
    // Several passes go tile by tile, so that the input is read from the first-level cache.
    const std::int64_t pieces = passes.size() == 1 ? 1 : (tiles + pixel_parts - 1) / pixel_parts;
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      const Item item{i / channel_parts / pixel_parts,
                      i / channel_parts % pixel_parts * pieces + piece, pixel_parts * pieces,
                      channel(part), channel(part + 1)};
      for (const ConvPass& pass : passes) run_item(pass, channel_tiles, item);
    }
    fence();
  });
}

}  // namespace espalier
