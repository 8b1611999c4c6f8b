// The weight gradient of a convolution. A register tile holds the sums of a few output channels by
// the taps of one input channel, each a vector over the images in the lanes; positions are walked
// in chunks whose output gradient, gathered once, stays in the first-level cache while all the
// input channels pass by. The lanes are added up at the very end. Each sum has its own fixed order,
// so the result does not depend on the number of threads.
#include <algorithm>

#include "core/kernels/conv.h"
#include "core/kernels/conv_weights_few.h"
#include "core/kernels/conv_weights_gemm.h"
#include "core/kernels/conv_weights_transposed.h"
#include "core/kernels/gradient_chunk.h"
#include "core/kernels/input_lines.h"
#include "core/kernels/scratch.h"
#include "core/kernels/weight_sums.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

// Lines that a tile asks for meanwhile, one for each step.
struct Ahead {
  const float* base;
  const std::int64_t* at;
};

// A group of R rows of KW taps each; a row is a place in the input that a (channel, ky) pair reads
// first. O output channels: O R KW accumulators.
struct TileShape {
  int out_channels, rows, taps;
};

constexpr bool kWide = kRegisters == 32;

TileShape tile_shape(int kernel_h, int kernel_w) {
  if (kernel_w == 3 && kernel_h == 3) return {kWide ? 2 : 1, 3, 3};
  if (kernel_w == 5) return {kWide ? 4 : 2, 1, 5};
  return {kWide ? 4 : 3, 4, 1};  // any other kernel: each tap is a row of its own
}

// Adds to the sums, or begins them where `fresh` is set. Q positions are taken at a time,
// neighbours in a row and `Step` pixels apart: each pixel is loaded once for all of them that it is
// a tap of.
template <int O, int R, int KW, int Q, int Step = 1>
void tile(const float* const* rows, const std::int64_t* at, int positions, const float* gradient,
          float* sums, std::int64_t sums_stride, bool fresh, const Ahead& ahead) {
  Vec sum[O][R * KW] = {};
  if (!fresh)
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o)
#pragma GCC unroll 9
      for (int t = 0; t < R * KW; ++t) sum[o][t] = load(sums + o * sums_stride + t * kLanes);
  for (int k = 0; k < positions; k += Q) {
    __builtin_prefetch(ahead.base + ahead.at[k / Q], 0, 2);
    Vec dy[Q][O];
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) {
#pragma GCC unroll 4
      for (int o = 0; o < O; ++o) {
        dy[q][o] = load(gradient + ((k + q) * O + o) * kLanes);
        keep_in_register(dy[q][o]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int column = 0; column < KW + (Q - 1) * Step; ++column) {
        Vec x = load(rows[r] + at[k] + column * kLanes);
        if (O * Q > 1) keep_in_register(x);
#pragma GCC unroll 4
        for (int q = 0; q < Q; ++q) {
          const int kx = column - q * Step;
          if (kx < 0 || kx >= KW) continue;
#pragma GCC unroll 4
          for (int o = 0; o < O; ++o) sum[o][r * KW + kx] += dy[q][o] * x;
        }
      }
  }
#pragma GCC unroll 4
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 9
    for (int t = 0; t < R * KW; ++t) store(sums + o * sums_stride + t * kLanes, sum[o][t]);
}

using TileFunction = void (*)(const float* const*, const std::int64_t*, int, const float*, float*,
                              std::int64_t, bool, const Ahead&);

template <int R, int KW>
TileFunction tile_for(int out_channels) {
  switch (out_channels) {
    case 1:
      return tile<1, R, KW, 1>;
    case 2:
      return tile<2, R, KW, 1>;
    case 3:
      return tile<3, R, KW, 1>;
    default:
      return tile<4, R, KW, 1>;
  }
}

template <int O>
TileFunction tile_3x3(const WeightPass& pass) {
  const bool pairs = pass.columns % 2 == 0;
  if (pairs && pass.in_step_x == kLanes) return tile<O, 3, 3, 2>;
  if (pairs && pass.in_step_x == 2 * kLanes) return tile<O, 3, 3, 2, 2>;
  return tile<O, 3, 3, 1>;
}

TileFunction find_tile(const TileShape& shape, int out_channels, const WeightPass& pass) {
  if (shape.taps == 3) return out_channels == 1 ? tile_3x3<1>(pass) : tile_3x3<2>(pass);
  if (shape.taps == 5) return tile_for<1, 5>(out_channels);
  return tile_for<4, 1>(out_channels);
}

// How many positions a tile takes at a time.
int step_of(const TileShape& shape, const WeightPass& pass) {
  return shape.taps == 3 && pass.columns % 2 == 0 && pass.in_step_x <= 2 * kLanes ? 2 : 1;
}

constexpr int kItemTiles = 8;    // tiles of output channels that an item takes at most
constexpr int kItemGroups = 32;  // groups of rows that an item takes at most
constexpr int kItems = 4;        // at least, so that threads have work

// What does not change from item to item.
struct Plan {
  const WeightPass& pass;
  TileShape shape;
  ChannelTiles out_tiles;
  ChunkPlan chunks;
  int rows;    // (channel, ky) pairs, or (channel, ky, kx) triples
  int groups;  // of shape.rows rows

  int rows_of_channel() const { return pass.kernel_h * (pass.kernel_w / shape.taps); }
  int channel(int row) const { return row / rows_of_channel(); }
};

// Offset in the input of a row of taps.
std::int64_t row_offset(const Plan& plan, int row) {
  const WeightPass& p = plan.pass;
  const int across = p.kernel_w / plan.shape.taps;  // rows a (channel, ky) pair
  const int kx = row % across * plan.shape.taps;
  const int ky = row / across % p.kernel_h, c = row / across / p.kernel_h;
  return c * p.in_channel + ky * p.in_row + static_cast<std::int64_t>(kx) * kLanes;
}

// What one item computes: a few tiles of output channels, some groups of rows.
struct Item {
  int first_tile, last_tile, first_group, last_group;
};

// The sums of one tile lie as [o][tap][L], with the item's taps.
void write_tile(const Plan& plan, const Item& item, int tile, const float* sums_of_tile) {
  const int tile_taps = plan.shape.rows * plan.shape.taps;
  const std::int64_t taps = static_cast<std::int64_t>(plan.rows) * plan.shape.taps;
  const std::int64_t first = static_cast<std::int64_t>(item.first_group) * tile_taps;
  const std::int64_t all = static_cast<std::int64_t>(item.last_group) * tile_taps - first;
  // The last group may be filled up with rows that are none.
  const std::int64_t real = std::min(all, taps - first);
  for (int o = 0; o < plan.out_tiles.width(tile); ++o, sums_of_tile += all * kLanes)
    write_sums(plan.pass, (plan.out_tiles.first(tile) + o) * taps + first, sums_of_tile, real);
}

void run_item(const Plan& plan, const Item& item) {
  const WeightPass& p = plan.pass;
  const int widest = plan.shape.out_channels, groups = item.last_group - item.first_group;
  const int tiles = item.last_tile - item.first_tile;
  const std::int64_t group_floats =
      static_cast<std::int64_t>(plan.shape.rows) * plan.shape.taps * kLanes;
  const std::int64_t tile_floats = widest * groups * group_floats;
  const std::int64_t chunk_floats =
      static_cast<std::int64_t>(plan.chunks.positions) * widest * kLanes;
  const bool with_bias = p.dbias && item.first_group == 0;

  const Scratch<float> sums(tiles * tile_floats), gradient(tiles * chunk_floats);
  const Scratch<float> bias_sums(tiles * widest * kLanes);
  std::fill_n(bias_sums.data(), tiles * widest * kLanes, 0.0f);
  const Scratch<std::int64_t> at(plan.chunks.positions);
  InputLines lines(p, plan.chunks);
  const Scratch<std::int64_t> zeros(plan.chunks.positions);
  std::fill_n(zeros.data(), plan.chunks.positions, 0);
  const Ahead nothing{sums.data(), zeros.data()};
  for (int c = 0; c < plan.chunks.count; ++c) {
    int positions = 0;
    for (int t = 0; t < tiles; ++t) {
      const int tile = item.first_tile + t;
      positions =
          gather(plan.chunks, p.gradient, c, plan.out_tiles.first(tile), plan.out_tiles.width(tile),
                 plan.out_tiles.width(tile), tiles * widest, gradient.data() + t * chunk_floats,
                 with_bias ? bias_sums.data() + t * widest * kLanes : nullptr);
    }
    if (!p.dw) continue;
    plan.chunks.offsets(c, p.in_block, p.in_step_y, p.in_step_x, at.data());
    lines.list(std::min(c + 1, plan.chunks.count - 1));
    // So many tiles ask for the lines of a channel.
    const int steps = positions / step_of(plan.shape, p);
    const int portions = (lines.count() + steps - 1) / steps;
    for (int g = item.first_group; g < item.last_group; ++g) {
      const int first_row = g * plan.shape.rows;
      const int last_row = std::min(first_row + plan.shape.rows, plan.rows) - 1;
      const float* rows[4];
      for (int r = 0; r < plan.shape.rows; ++r)
        rows[r] = p.in + row_offset(plan, std::min(first_row + r, last_row));
      const int first_channel = plan.channel(first_row);
      const int parts = (plan.channel(last_row) - first_channel + 1) * portions;
      for (int t = 0; t < tiles; ++t) {
        // The first tiles ask for the input of the next chunk, or, where there is one chunk only,
        // of the next channel.
        Ahead ahead = nothing;
        if (t < parts) {
          const int channel = first_channel + t / portions + (plan.chunks.count == 1);
          ahead = {p.in + channel * p.in_channel, lines.lines() + t % portions * steps};
        }
        find_tile(plan.shape, plan.out_tiles.width(item.first_tile + t), p)(
            rows, at.data(), positions, gradient.data() + t * chunk_floats,
            sums.data() + t * tile_floats + (g - item.first_group) * group_floats,
            groups * group_floats, c == 0, ahead);
      }
    }
  }
  for (int t = 0; t < tiles; ++t) {
    const int tile = item.first_tile + t;
    if (p.dw) write_tile(plan, item, tile, sums.data() + t * tile_floats);
    if (!with_bias) continue;
    for (int o = 0; o < plan.out_tiles.width(tile); ++o)
      write_bias(p, plan.out_tiles.first(tile) + o, bias_sums.data() + (t * widest + o) * kLanes);
  }
}

}  // namespace

void run(const WeightPass& pass) {
  if (suits_few(pass)) return run_few(pass);
  if (suits_transposed(pass)) return run_transposed(pass);
  if (suits_gemm(pass)) return run_gemm(pass);
  const TileShape shape = tile_shape(pass.kernel_h, pass.kernel_w);
  const ChannelTiles out_tiles(pass.gradient.dy.channels, shape.out_channels);
  const int rows = pass.channels * pass.kernel_h * (pass.kernel_w / shape.taps);
  const int groups = (rows + shape.rows - 1) / shape.rows;
  const auto step = static_cast<int>(pass.in_step_x / kLanes * (pass.in_step_y / pass.in_row));
  const ChunkPlan chunks(pass.gradient, pass.rows, pass.columns,
                         shape.out_channels + (shape.taps == 1 ? shape.rows : 2) * step);
  const Plan plan{pass, shape, out_tiles, chunks, rows, groups};
  const int group_parts = (groups + kItemGroups - 1) / kItemGroups;
  // Items of half the size for the sake of busy threads, but no smaller: tiles share their input.
  const int halves = std::max(2 * out_tiles.count / kItemTiles, std::min(out_tiles.count, 4));
  const int tile_parts = std::max((out_tiles.count + kItemTiles - 1) / kItemTiles,
                                  std::min(kItems / group_parts, halves));
  // Neighbouring items share their part of the input.
  parallel_for(static_cast<std::int64_t>(group_parts) * tile_parts, [&](std::int64_t item) {
    const int t = static_cast<int>(item % tile_parts), g = static_cast<int>(item / tile_parts);
    run_item(plan, {out_tiles.count * t / tile_parts, out_tiles.count * (t + 1) / tile_parts,
                    groups * g / group_parts, groups * (g + 1) / group_parts});
  });
}

}  // namespace espalier
