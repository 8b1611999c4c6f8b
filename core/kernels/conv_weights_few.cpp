// The output's gradient is read where it lies, and seen through ReLU and pooling in registers: with
// three input channels a copy of it would take a quarter of the time. What a tile will read next is
// asked for while it computes, for the gradient comes from memory.
#include "core/kernels/conv_weights_few.h"

#include <algorithm>

#include "core/kernels/gradient_chunk.h"
#include "core/kernels/scratch.h"
#include "core/kernels/weight_sums.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr int kTaps = 9;
constexpr int kOut = kRegisters == 32 ? 2 : 1;  // output channels of a tile
enum class Behind { Nothing, Relu, Pool };      // what the gradient is seen through

// What a tile works on: an even number of rows, except at the end of a plane.
struct Chunk {
  const float* in;       // tap (0, 0) of the first position
  GradientRow gradient;  // the first row, of the first output channel
  int rows;
  // How far from what is read lies what is asked for meanwhile. Each input channel asks for its
  // share of the gradient's rows, so that memory is kept busy evenly.
  std::int64_t in_ahead, gradient_ahead, argmax_ahead;
  int share;
};

// sums[O][channels * 9][L], of which this tile has 9 taps, and sums of the gradient, where wanted.
// Pointers run along a row; everything else is at fixed steps from them, for lack of registers.
template <int O, Behind F, bool kBias>
void tile(const WeightPass& p, const Chunk& chunk, float* sums, float* bias) {
  const Planes& planes = p.gradient.dy;
  constexpr int kShrink = F == Behind::Pool ? 2 : 1;
  const std::int64_t stride = static_cast<std::int64_t>(p.channels) * kTaps * kLanes;
  const std::int64_t channel = planes.channel_stride;
  const std::int64_t windows = std::int64_t{planes.height} * planes.width * kLanes;
  const std::int64_t in_row = p.in_row;
  Vec sum[O][kTaps], bias_sum[O];
#pragma GCC unroll 2
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 9
    for (int t = 0; t < kTaps; ++t) sum[o][t] = load(sums + o * stride + t * kLanes);
    if (kBias) bias_sum[o] = load(bias + o * kLanes);
  }
  const int columns = p.columns;
  int turn = 0;  // of the input channels, row by row; behind a pool the first one asks for all
  for (int row = 0; row < chunk.rows; ++row) {
    const float* in = chunk.in + row * p.in_step_y;
    const float* dy = chunk.gradient.dy + row / kShrink * planes.row_stride;
    const float* y = F == Behind::Relu ? chunk.gradient.y + row * planes.row_stride : nullptr;
    const std::uint8_t* argmax =
        F == Behind::Pool ? chunk.gradient.argmax + row / 2 * planes.width * kLanes : nullptr;
    const bool asks = turn == chunk.share;
    if (F != Behind::Pool && ++turn == p.channels) turn = 0;
    const std::int64_t ahead = asks ? chunk.gradient_ahead : 0;
    const std::int64_t argmax_ahead = asks ? chunk.argmax_ahead : 0;
    for (int x = 0; x < columns; x += 2) {
      Vec pair[O][2];
#pragma GCC unroll 2
      for (int o = 0; o < O; ++o) {
#pragma GCC unroll 2
        for (int q = 0; q < 2; ++q) {
          const std::int64_t at = o * channel + q * kLanes;
          if (F == Behind::Pool) {
            const VecInt from = widen(argmax + o * windows);
            pair[o][q] = from == row % 2 * 2 + q ? load(dy + o * channel) : Vec{};
          } else {
            pair[o][q] = load(dy + at);
            if (F == Behind::Relu) pair[o][q] = load(y + at) > 0 ? pair[o][q] : Vec{};
          }
          keep_in_register(pair[o][q]);
          if (kBias) bias_sum[o] += pair[o][q];
          if (q < 2 / kShrink) __builtin_prefetch(dy + at + ahead);
          if (F == Behind::Relu) __builtin_prefetch(y + at + ahead);
        }
        if (F == Behind::Pool) __builtin_prefetch(argmax + o * windows + argmax_ahead);
      }
#pragma GCC unroll 3
      for (int ky = 0; ky < 3; ++ky)
#pragma GCC unroll 4
        for (int column = 0; column < 4; ++column) {
          Vec pixel = load(in + ky * in_row + column * kLanes);
          keep_in_register(pixel);
#pragma GCC unroll 2
          for (int q = 0; q < 2; ++q)
#pragma GCC unroll 2
            for (int o = 0; o < O; ++o)
              if (column >= q && column < q + 3) sum[o][ky * 3 + column - q] += pair[o][q] * pixel;
        }
      __builtin_prefetch(in + chunk.in_ahead, 0, 2);
      __builtin_prefetch(in + chunk.in_ahead + kLanes, 0, 2);
      in += 2 * kLanes;
      dy += 2 / kShrink * kLanes;
      if (F == Behind::Relu) y += 2 * kLanes;
      if (F == Behind::Pool) argmax += kLanes;
    }
  }
#pragma GCC unroll 2
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 9
    for (int t = 0; t < kTaps; ++t) store(sums + o * stride + t * kLanes, sum[o][t]);
    if (kBias) store(bias + o * kLanes, bias_sum[o]);
  }
}

template <Behind F>
auto find_tile(int out_channels, bool bias) {
  if (out_channels == 1) return bias ? tile<1, F, true> : tile<1, F, false>;
  return bias ? tile<kOut, F, true> : tile<kOut, F, false>;
}

auto find_tile(const OutputGradient& g, int out_channels, bool bias) {
  return g.argmax ? find_tile<Behind::Pool>(out_channels, bias)
         : g.y    ? find_tile<Behind::Relu>(out_channels, bias)
                  : find_tile<Behind::Nothing>(out_channels, bias);
}

// All positions for the output channels of some tiles.
void run_tiles(const WeightPass& shared_pass, const ChannelTiles& tiles, int first_tile,
               int last_tile) {
  const WeightPass p = shared_pass;  // for the caller's lies where another thread writes
  constexpr int kPositions = 128;    // of a chunk: its rows fit into the first-level cache
  const int chunk_rows = std::max(kPositions / p.columns / 2 * 2, 2);
  const int chunks = (p.rows + chunk_rows - 1) / chunk_rows;  // of a block
  const int all_chunks = p.gradient.dy.blocks * chunks;
  const int first_channel = tiles.first(first_tile);
  const int channels = tiles.first(last_tile) - first_channel;
  const std::int64_t taps = static_cast<std::int64_t>(p.channels) * kTaps;
  const Scratch<float> sums(channels * taps * kLanes), bias(channels * kLanes);
  std::fill_n(sums.data(), channels * taps * kLanes, 0.0f);
  std::fill_n(bias.data(), channels * kLanes, 0.0f);

  // The first row and output channel of a chunk, and the input of that row.
  const auto gradient_at = [&](int chunk) {
    const int row = chunk % chunks * chunk_rows / (p.gradient.argmax ? 2 : 1);
    return row_at(p.gradient, chunk / chunks, first_channel, row);
  };
  const auto in_at = [&](int chunk) {
    return p.in + chunk / chunks * p.in_block + chunk % chunks * chunk_rows * p.in_step_y;
  };
  for (int chunk = 0; chunk < all_chunks; ++chunk) {
    const int next = std::min(chunk + 1, all_chunks - 1);
    const GradientRow after = gradient_at(next);
    Chunk work{.in = nullptr,
               .gradient = gradient_at(chunk),
               .rows = std::min(chunk_rows, p.rows - chunk % chunks * chunk_rows),
               // Of each row that a tap reads the lowest: those above come first.
               .in_ahead = in_at(next) - in_at(chunk) + 2 * p.in_row,
               .gradient_ahead = after.dy - work.gradient.dy,
               .argmax_ahead = after.argmax - work.gradient.argmax,
               .share = 0};
    for (int t = first_tile; t < last_tile; ++t) {
      const int width = tiles.width(t), o = tiles.first(t) - first_channel;
      work.in = in_at(chunk);
      for (int c = 0; c < p.channels; ++c, work.in += p.in_channel) {
        work.share = c;
        find_tile(p.gradient, width, p.dbias && c == 0)(
            p, work, sums.data() + (o * taps + c * kTaps) * kLanes, bias.data() + o * kLanes);
      }
      work.gradient.move(p.gradient.dy, width);
      work.in_ahead = 0;  // the first tile has asked for all
    }
  }
  write_sums(p, first_channel * taps, sums.data(), channels * taps);
  if (p.dbias)
    for (int o = 0; o < channels; ++o) write_bias(p, first_channel + o, bias.data() + o * kLanes);
}

}  // namespace

bool suits_few(const WeightPass& p) {
  constexpr int kFew = 4;
  return p.dw && p.channels <= kFew && p.kernel_h == 3 && p.kernel_w == 3 &&
         p.in_step_x == kLanes && p.columns % 2 == 0;
}

void run_few(const WeightPass& p) {
  constexpr int kItemTiles = 4;
  const ChannelTiles tiles(p.gradient.dy.channels, kOut);
  const int items = (tiles.count + kItemTiles - 1) / kItemTiles;
  parallel_for(items, [&](std::int64_t item) {
    const int i = static_cast<int>(item);
    run_tiles(p, tiles, tiles.count * i / items, tiles.count * (i + 1) / items);
  });
}

}  // namespace espalier
