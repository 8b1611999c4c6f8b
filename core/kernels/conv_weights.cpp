// The weight gradient of a convolution. Positions are walked in chunks whose output gradient,
// gathered once, stays in the first-level cache while all the input channels pass by; a register
// tile sums the products of a few output channels with a few taps over the positions of a chunk.
//
// Output channels that fill vectors lie in these: each position's square of channels and images is
// transposed once, and the images of a position follow each other, each a number that is multiplied
// with whole vectors. Channels that are left over keep the images in the vectors, whose lanes are
// added up at the very end.
//
// Each sum has its own fixed order, so the result does not depend on the number of threads.
#include <algorithm>
#include <vector>

#include "core/kernels/conv.h"
#include "core/kernels/gradient_chunk.h"
#include "core/kernels/scratch.h"
#include "core/kernels/transpose.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr bool kWide = kRegisters == 32;
constexpr int kSquare = kLanes * kLanes;
// Adds to sums[taps][width][L], for the taps that lie so far in the input from the position's place
// `at`. The gradient is [position][width][L], or [position][width][image][L] where transposed.
using TileFunction = void (*)(const WeightPass&, const std::int64_t* taps, const std::int64_t* at,
                              int positions, const float* gradient, float* sums);

constexpr int kTaps = 9;                             // of a 3x3 kernel
constexpr int kVectors = kWide ? 2 : 1;              // of output channels that a tile takes at most
constexpr int kOutputs = tile_channels(kRegisters);  // the same where images are in the vectors

template <int T, int O>
[[gnu::always_inline]] inline void add_to(float* sums, const Vec (&sum)[T][O]) {
#pragma GCC unroll 9
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
    for (int o = 0; o < O; ++o, sums += kLanes) store(sums, load(sums) + sum[t][o]);
}

// The vectors of N neighbours of the gradient, `stride` floats apart.
template <int N>
[[gnu::always_inline]] inline void load_gradient(const float* from, int stride, Vec (&dy)[N]) {
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    dy[i] = load(from + i * stride);
    keep_in_register(dy[i]);
  }
}

// T taps for O output channels with the images in the vectors, or O vectors of them.
template <int T, int O, bool kTransposed>
void tile(const WeightPass& p, const std::int64_t* taps, const std::int64_t* at, int positions,
          const float* gradient, float* sums) {
  constexpr int kImages = kTransposed ? kLanes : 1, kStride = kImages * kLanes;
  const float* in[T];
  for (int t = 0; t < T; ++t) in[t] = p.in + taps[t];
  Vec sum[T][O] = {};
  for (int k = 0; k < positions; ++k, gradient += O * kStride)
    for (int image = 0; image < kImages; ++image) {
      Vec dy[O];
      load_gradient(gradient + image * kLanes, kStride, dy);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const float* pixel = in[t] + at[k] + image;
        Vec x = kTransposed ? broadcast(*pixel) : load(pixel);
        if (O > 1 || kTransposed) keep_in_register(x);
#pragma GCC unroll 4
        for (int o = 0; o < O; ++o) sum[t][o] += dy[o] * x;
      }
    }
  add_to(sums, sum);
}

// V vectors of output channels, the 3x3 taps of one input channel. Q positions are taken at a time,
// neighbours in a row and `Step` pixels apart: each pixel is fetched once for all of them that it
// is a tap of. The same pixels of the next channel are asked for meanwhile, those that the
// positions above and to the left have not.
template <int V, int Q, int Step>
void tile_3x3(const WeightPass& p, const std::int64_t* taps, const std::int64_t* at, int positions,
              const float* gradient, float* sums) {
  constexpr int kColumns = 3 + (Q - 1) * Step;
  // Nine sums alone would wait for each other where two multiply-adds begin in a cycle.
  constexpr int kSums = kWide && V == 1 && Q == 2 ? 2 : 1;
  const std::int64_t in_row = p.in_row, in_channel = p.in_channel;
  Vec sum[kSums][kTaps][V] = {};
  for (int k = 0; k < positions; k += Q, gradient += Q * V * kSquare) {
    const float* pixel = p.in + taps[0] + at[k];
#pragma GCC unroll 2
    for (int ky = 3 - Step; ky < 3; ++ky)
#pragma GCC unroll 4
      for (int column = kColumns - Q * Step; column < kColumns; ++column)
        __builtin_prefetch(pixel + in_channel + ky * in_row + column * kLanes);
    for (int image = 0; image < kLanes; ++image, ++pixel) {
      Vec dy[Q * V];
      load_gradient(gradient + image * kLanes, kSquare, dy);
#pragma GCC unroll 3
      for (int ky = 0; ky < 3; ++ky)
#pragma GCC unroll 5
        for (int column = 0; column < kColumns; ++column) {
          Vec x = broadcast(pixel[ky * in_row + column * kLanes]);
          keep_in_register(x);
#pragma GCC unroll 2
          for (int q = 0; q < Q; ++q) {
            const int kx = column - q * Step;
            if (kx < 0 || kx >= 3) continue;
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) sum[q % kSums][ky * 3 + kx][v] += dy[q * V + v] * x;
          }
        }
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < kSums; ++i) add_to(sums, sum[i]);
}

// The same for 2x2 pixels with zeros around them: of 36 products with each of four positions, the
// 16 with pixels.
template <int V>
void tile_2x2(const WeightPass& p, const std::int64_t* taps, const std::int64_t* at, int positions,
              const float* gradient, float* sums) {
  Vec sum[kTaps][V] = {};
  for (int k = 0; k < positions; k += 4, gradient += 4 * V * kSquare) {
    const float* pixel = p.in + taps[0] + at[k] + p.in_row + kLanes;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      __builtin_prefetch(pixel + p.in_channel + i / 2 * p.in_row + i % 2 * kLanes);
    for (int image = 0; image < kLanes; ++image, ++pixel) {
      Vec dy[4 * V];
      load_gradient(gradient + image * kLanes, kSquare, dy);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        Vec x = broadcast(pixel[i / 2 * p.in_row + i % 2 * kLanes]);
        keep_in_register(x);
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) {
          const int tap = (i / 2 - q / 2 + 1) * 3 + i % 2 - q % 2 + 1;
#pragma GCC unroll 2
          for (int v = 0; v < V; ++v) sum[tap][v] += dy[q * V + v] * x;
        }
      }
    }
  }
  add_to(sums, sum);
}

template <int V>
TileFunction find_3x3(const WeightPass& p, const ChunkPlan& chunks) {
  if (p.only_2x2 && chunks.chunk_rows % 2 == 0) return tile_2x2<V>;
  if (p.columns % 2 || p.in_step_x > 2 * kLanes) return tile_3x3<V, 1, 1>;
  return p.in_step_x == kLanes ? tile_3x3<V, 2, 1> : tile_3x3<V, 2, 2>;
}

// Each square [channel][image] becomes [image][channel]; channels that are none become zero.
void transpose_squares(int positions, int channels, int vectors, float* squares) {
  for (int i = 0; i < positions * vectors; ++i, squares += kSquare) {
    const int real = channels - i % vectors * kLanes;
    Square rows;
#pragma GCC unroll 16
    for (int c = 0; c < kLanes; ++c) rows[c] = c < real ? load(squares + c * kLanes) : Vec{};
    transpose(rows);
#pragma GCC unroll 16
    for (int image = 0; image < kLanes; ++image) store(squares + image * kLanes, rows[image]);
  }
}

// Some tiles of output channels and some taps: their sums fit into the second-level cache.
struct Block {
  int first_tile, last_tile, first_tap, last_tap;
};

// How the gradient of some neighbouring output channels is shared out: blocks, and for each of them
// parts of the chunks, whose sums are added in the end.
struct Plan {
  Plan(const WeightPass& pass, bool transposed, int first_output, int outputs);

  int first_channel(int tile) const { return first_output + tiles.first(tile) * unit; }
  int channels(int tile) const {
    return std::min(tiles.width(tile) * unit, first_output + outputs - first_channel(tile));
  }
  Block block(std::int64_t i) const {
    const auto t = static_cast<int>(i % tile_parts), g = static_cast<int>(i / tile_parts);
    const int groups = padded_taps() / tile_taps;
    return {tiles.count * t / tile_parts, tiles.count * (t + 1) / tile_parts,
            groups * g / tap_parts * tile_taps, groups * (g + 1) / tap_parts * tile_taps};
  }
  int padded_taps() const { return static_cast<int>(tap_at.size()); }
  TileFunction find_tile(int width) const {
    if (tile_taps == kTaps)
      return width == 1 ? find_3x3<1>(pass, chunks) : find_3x3<kVectors>(pass, chunks);
    if (unit > 1) return width == 1 ? tile<8, 1, true> : tile<8, kVectors, true>;
    return width == 1   ? tile<4, 1, false>
           : width == 2 ? tile<4, 2, false>
           : width == 3 ? tile<4, 3, false>
                        : tile<4, kOutputs, false>;
  }

  const WeightPass& pass;
  int unit;  // output channels of a vector: 1 where it holds images
  int first_output, outputs;
  ChannelTiles tiles;  // in units
  ChunkPlan chunks;
  int taps;  // of all input channels; none where only the bias is wanted
  int tile_taps;
  std::vector<std::int64_t, PoolAllocator<std::int64_t>> tap_at;  // filled up to whole tiles
  int tile_parts, tap_parts, parts;
  std::int64_t tile_sums, block_sums;  // floats; those of a block end with its bias's
};

int pixels_of_step(const WeightPass& p) {
  return static_cast<int>(p.in_step_x / kLanes * (p.in_step_y / p.in_row));
}

Plan::Plan(const WeightPass& p, bool transposed, int first_output, int outputs)
    : pass(p),
      unit(transposed ? kLanes : 1),
      first_output(first_output),
      outputs(outputs),
      tiles((outputs + unit - 1) / unit, transposed ? kVectors : kOutputs),
      chunks(p.gradient, p.rows, p.columns,
             tiles.widest * unit + (transposed ? 0 : 2 * pixels_of_step(p))),
      taps(p.dw ? p.channels * p.kernel_h * p.kernel_w : 0),
      tile_taps(!transposed                          ? 4
                : p.kernel_h == 3 && p.kernel_w == 3 ? kTaps
                                                     : 8) {
  constexpr int kBlockTiles = 8, kBlockTaps = 128;
  constexpr int kItems = 8;  // so that threads have work
  constexpr std::int64_t kMostSums = 1 << 18;
  for (int i = 0; i < (taps + tile_taps - 1) / tile_taps * tile_taps; ++i) {
    const int tap = std::min(i, taps - 1), kx = tap % p.kernel_w, row = tap / p.kernel_w;
    tap_at.push_back(row / p.kernel_h * p.in_channel + row % p.kernel_h * p.in_row +
                     std::int64_t{kx} * kLanes);
  }
  // Tiles of one block share their input; with so many products for each of its values as a 3x3
  // kernel has it is better that the gradient stays in the first-level cache.
  tile_parts = tile_taps == kTaps ? tiles.count : (tiles.count + kBlockTiles - 1) / kBlockTiles;
  tap_parts = transposed ? 1 : std::max((taps + kBlockTaps - 1) / kBlockTaps, 1);
  const std::int64_t block_tiles = (tiles.count + tile_parts - 1) / tile_parts;
  const std::int64_t groups = (padded_taps() / tile_taps + tap_parts - 1) / tap_parts;
  tile_sums = groups * tile_taps * tiles.widest * kLanes;
  block_sums = block_tiles * (tile_sums + std::int64_t{tiles.widest} * unit * kLanes);
  const int blocks = tile_parts * tap_parts;
  parts = static_cast<int>(std::clamp<std::int64_t>(
      std::min(kItems / blocks, static_cast<int>(kMostSums / (blocks * block_sums))), 1,
      chunks.count));
}

// The sums of one part lie as [tile][tap][width][L], those of the bias as [output channel][L].
void sum_part(const Plan& plan, int part, const Block& block, float* sums) {
  const WeightPass& p = plan.pass;
  const int tiles = block.last_tile - block.first_tile, channels = plan.tiles.widest * plan.unit;
  const std::int64_t tile_gradient = std::int64_t{plan.chunks.positions} * channels * kLanes;
  float* const bias = p.dbias && block.first_tap == 0 ? sums + tiles * plan.tile_sums : nullptr;
  std::fill_n(sums, plan.block_sums, 0.0f);
  const Scratch<float> gradient(tiles * tile_gradient);
  const Scratch<std::int64_t> at(plan.chunks.positions);
  const int last_chunk = plan.chunks.count * (part + 1) / plan.parts;
  for (int c = plan.chunks.count * part / plan.parts; c < last_chunk; ++c) {
    int positions = 0;
    for (int t = 0; t < tiles; ++t) {
      const int tile = block.first_tile + t, width = plan.tiles.width(tile);
      float* const values = gradient.data() + t * tile_gradient;
      positions = gather(plan.chunks, p.gradient, c, plan.first_channel(tile), plan.channels(tile),
                         width * plan.unit, tiles * channels, values,
                         bias ? bias + t * channels * kLanes : nullptr);
      if (plan.unit > 1) transpose_squares(positions, plan.channels(tile), width, values);
    }
    plan.chunks.offsets(c, p.in_block, p.in_step_y, p.in_step_x, at.data());
    for (int tap = block.first_tap; tap < block.last_tap; tap += plan.tile_taps)
      for (int t = 0; t < tiles; ++t) {
        const int width = plan.tiles.width(block.first_tile + t);
        plan.find_tile(width)(
            p, plan.tap_at.data() + tap, at.data(), positions, gradient.data() + t * tile_gradient,
            sums + t * plan.tile_sums + std::int64_t{tap - block.first_tap} * width * kLanes);
      }
  }
}

// dw[to ...] (+)= values, or 0 where the mask is.
void put(const WeightPass& p, std::int64_t to, Vec values, int count) {
  if (count == kLanes) {
    if (p.dw_mask) values = widen(p.dw_mask + to) != 0 ? values : Vec{};
    store_unaligned(p.dw + to, p.dw_add ? load_unaligned(p.dw + to) + values : values);
    return;
  }
  for (int i = 0; i < count; ++i, ++to) {
    const float value = p.dw_mask && !p.dw_mask[to] ? 0 : values[i];
    p.dw[to] = p.dw_add ? p.dw[to] + value : value;
  }
}

// Adds up what the parts of a block have summed, `stride` floats apart.
void write_block(const Plan& plan, const Block& block, const float* block_sums,
                 std::int64_t stride) {
  const WeightPass& p = plan.pass;
  const auto total = [&](const float* from) {
    Vec sum = load(from);
    for (int part = 1; part < plan.parts; ++part) sum += load(from + part * stride);
    return sum;
  };
  const int last_tap = std::min(block.last_tap, plan.taps);
  const float* bias = block_sums + (block.last_tile - block.first_tile) * plan.tile_sums;
  for (int t = block.first_tile; t < block.last_tile; ++t, block_sums += plan.tile_sums) {
    const int width = plan.tiles.width(t), first = plan.first_channel(t);
    for (int w = 0; w < width; ++w)
      for (int tap = block.first_tap; tap < last_tap; tap += kLanes) {
        const int count = std::min(kLanes, last_tap - tap);
        const float* from = block_sums + (std::int64_t{tap - block.first_tap} * width + w) * kLanes;
        Square rows = {};
        for (int i = 0; i < count; ++i) rows[i] = total(from + i * width * kLanes);
        if (plan.unit == 1) {
          put(p, std::int64_t{first + w} * plan.taps + tap, sums(rows), count);
          continue;
        }
        transpose(rows);
        for (int o = w * kLanes; o < std::min((w + 1) * kLanes, plan.channels(t)); ++o)
          put(p, std::int64_t{first + o} * plan.taps + tap, rows[o % kLanes], count);
      }
    if (p.dbias && block.first_tap == 0)
      for (int o = 0; o < plan.channels(t); ++o) {
        const float value = sum(total(bias + o * kLanes));
        p.dbias[first + o] = p.dbias_add ? p.dbias[first + o] + value : value;
      }
    bias += plan.tiles.widest * plan.unit * kLanes;
  }
}

void run(const Plan& plan) {
  const std::int64_t blocks = std::int64_t{plan.tile_parts} * plan.tap_parts;
  const bool shared = plan.parts > 1;
  const std::int64_t stride = blocks * plan.block_sums;
  const Scratch<float> sums(shared ? plan.parts * stride : 0);
  parallel_for(plan.parts * blocks, [&](std::int64_t i) {
    const Block block = plan.block(i % blocks);
    const Scratch<float> own(shared ? 0 : plan.block_sums);
    float* const to = shared ? sums.data() + i * plan.block_sums : own.data();
    sum_part(plan, static_cast<int>(i / blocks), block, to);
    if (!shared) write_block(plan, block, to, 0);
  });
  if (!shared) return;
  parallel_for(blocks, [&](std::int64_t i) {
    write_block(plan, plan.block(i), sums.data() + i * plan.block_sums, stride);
  });
}

}  // namespace

void run(const WeightPass& pass) {
  const int outputs = pass.gradient.dy.channels;
  int transposed = 0;
  if (pass.dw) {
    // A last vector that is not full costs as much as a full one.
    const int places = (outputs + kLanes - 1) / kLanes * kLanes;
    transposed = 8 * outputs >= 7 * places ? outputs : outputs / kLanes * kLanes;
  }
  if (transposed > 0) run(Plan(pass, true, 0, transposed));
  if (transposed < outputs) run(Plan(pass, false, transposed, outputs - transposed));
}

}  // namespace espalier
