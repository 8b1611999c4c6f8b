// A chunk of the gradient is gathered, and each position's square of channels and images turned
// about, once; then all the input channels pass by. A tile sums 9 taps of one input channel for
// one or two vectors of output channels; the images of a position follow each other, each a number
// that is multiplied with whole vectors. The chunks are shared out in parts, whose sums are added
// in the end in a fixed order: neither depends on the number of threads.
#include "core/kernels/conv_weights_transposed.h"

#include <algorithm>

#include "core/kernels/gradient_chunk.h"
#include "core/kernels/input_lines.h"
#include "core/kernels/scratch.h"
#include "core/kernels/transpose.h"
#include "core/kernels/weight_sums.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

constexpr int kTaps = 9;
constexpr int kSquare = kLanes * kLanes;
constexpr int kVectors = 2;  // of output channels that a tile takes at most

// What a tile asks for meanwhile: so many lines for each position, or for each pair of them.
struct Ahead {
  const float* base;
  const std::int64_t* at;
  int lines;
};

template <int V>
[[gnu::always_inline]] inline void add_to(float* sums, const Vec (&sum)[kTaps][V]) {
#pragma GCC unroll 9
  for (int t = 0; t < kTaps; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v, sums += kLanes) store(sums, load(sums) + sum[t][v]);
}

// Adds to sums[9][V][L]. Q positions are taken at a time, neighbours in a row and `Step` pixels
// apart: each pixel is fetched once for all of them that it is a tap of. The gradient lies as
// [position][V][image][L].
template <int V, int Q, int Step>
void tile(const float* in, std::int64_t in_row, const std::int64_t* at, int positions,
          const float* gradient, float* sums, Ahead ahead) {
  constexpr int kColumns = 3 + (Q - 1) * Step;
  // Nine sums alone would wait for each other.
  constexpr int kSums = V == 1 && Q == 2 ? 2 : 1;
  Vec sum[kSums][kTaps][V] = {};
  for (int k = 0; k < positions; k += Q, gradient += Q * V * kSquare) {
    for (int i = 0; i < ahead.lines; ++i) __builtin_prefetch(ahead.base + *ahead.at++);
    const float* pixel = in + at[k];
    for (int image = 0; image < kLanes; ++image, ++pixel) {
      Vec dy[Q][V];
#pragma GCC unroll 2
      for (int q = 0; q < Q; ++q)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
          dy[q][v] = load(gradient + (q * V + v) * kSquare + image * kLanes);
          keep_in_register(dy[q][v]);
        }
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
            for (int v = 0; v < V; ++v) sum[q % kSums][ky * 3 + kx][v] += dy[q][v] * x;
          }
        }
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < kSums; ++i) add_to<V>(sums, sum[i]);
}

// The same for 2x2 pixels with zeros around them: of 36 products with each of four positions, the
// 16 with pixels.
template <int V>
void tile_2x2(const float* in, std::int64_t in_row, const std::int64_t* at, int positions,
              const float* gradient, float* sums, Ahead ahead) {
  Vec sum[kTaps][V] = {};
  for (int k = 0; k < positions; k += 4, gradient += 4 * V * kSquare) {
    for (int i = 0; i < 2 * ahead.lines; ++i) __builtin_prefetch(ahead.base + *ahead.at++);
    const float* pixel = in + at[k] + in_row + kLanes;
    for (int image = 0; image < kLanes; ++image, ++pixel) {
      Vec dy[4][V];
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
          dy[q][v] = load(gradient + (q * V + v) * kSquare + image * kLanes);
          keep_in_register(dy[q][v]);
        }
#pragma GCC unroll 4
      for (int p = 0; p < 4; ++p) {
        Vec x = broadcast(pixel[p / 2 * in_row + p % 2 * kLanes]);
        keep_in_register(x);
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) {
          const int tap = (p / 2 - q / 2 + 1) * 3 + p % 2 - q % 2 + 1;
#pragma GCC unroll 2
          for (int v = 0; v < V; ++v) sum[tap][v] += dy[q][v] * x;
        }
      }
    }
  }
  add_to(sums, sum);
}

// Whether two positions are taken at a time.
bool takes_pairs(const WeightPass& p) { return p.columns % 2 == 0 && p.in_step_x <= 2 * kLanes; }

template <int V>
auto find_tile(const WeightPass& p, const ChunkPlan& chunks) {
  if (p.only_2x2 && chunks.chunk_rows % 2 == 0) return tile_2x2<V>;
  if (!takes_pairs(p)) return tile<V, 1, 1>;
  return p.in_step_x == kLanes ? tile<V, 2, 1> : tile<V, 2, 2>;
}

// How the work is shared out: parts of the chunks, by groups of output channels.
struct Plan {
  explicit Plan(const WeightPass& pass);
  const WeightPass& pass;
  int outputs;
  ChannelTiles groups;  // in vectors of output channels
  ChunkPlan chunks;
  int parts;
  std::int64_t taps;  // of all input channels

  int first_output(int group) const { return groups.first(group) * kLanes; }
  int places() const { return first_output(groups.count); }  // for outputs, filled up to vectors
  std::int64_t part_sums() const { return taps * places(); }
};

Plan::Plan(const WeightPass& p)
    : pass(p),
      outputs(p.gradient.dy.channels),
      groups((outputs + kLanes - 1) / kLanes, kVectors),
      chunks(p.gradient, p.rows, p.columns, groups.widest * kLanes),
      taps(static_cast<std::int64_t>(p.channels) * kTaps) {
  constexpr int kItems = 8;  // so that threads have work
  constexpr std::int64_t kMostSums = 1 << 18;
  const auto wanted = std::min<std::int64_t>(kItems / groups.count, kMostSums / part_sums());
  parts = static_cast<int>(std::clamp<std::int64_t>(wanted, 1, chunks.count));
}

// Each square [channel][image] becomes [image][channel]; channels that are none become zero.
void turn(int positions, int channels, int vectors, float* squares) {
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

// The sums lie as [channel][9][V][L], those of the bias as [output channel][L].
void run_part(const Plan& plan, int part, int group, float* sums, float* bias) {
  const WeightPass& p = plan.pass;
  const int first = plan.first_output(group), vectors = plan.groups.width(group);
  const int channels = std::min(vectors * kLanes, plan.outputs - first);
  const auto run_tile = vectors == 1 ? find_tile<1>(p, plan.chunks) : find_tile<2>(p, plan.chunks);
  const int first_chunk = plan.chunks.count * part / plan.parts;
  const int last_chunk = plan.chunks.count * (part + 1) / plan.parts;

  const Scratch<float> gradient(std::int64_t{plan.chunks.positions} * vectors * kSquare);
  const Scratch<std::int64_t> at(plan.chunks.positions);
  InputLines lines(p, plan.chunks);
  std::fill_n(sums, plan.taps * vectors * kLanes, 0.0f);
  std::fill_n(bias, channels * kLanes, 0.0f);
  for (int c = first_chunk; c < last_chunk; ++c) {
    const int positions = gather(plan.chunks, p.gradient, c, first, channels, vectors * kLanes, 0,
                                 gradient.data(), p.dbias ? bias : nullptr);
    turn(positions, channels, vectors, gradient.data());
    plan.chunks.offsets(c, p.in_block, p.in_step_y, p.in_step_x, at.data());
    lines.list(c);
    const int steps = takes_pairs(p) ? positions / 2 : positions;
    for (int i = 0; i < p.channels; ++i) {
      if (i == p.channels - 1) lines.list(std::min(c + 1, last_chunk - 1));
      const std::int64_t next = i == p.channels - 1 ? 0 : i + 1;
      const Ahead ahead{p.in + next * p.in_channel, lines.lines(),
                        (lines.count() + steps - 1) / steps};
      run_tile(p.in + i * p.in_channel, p.in_row, at.data(), positions, gradient.data(),
               sums + std::int64_t{i} * kTaps * vectors * kLanes, ahead);
    }
  }
}

// Adds up what the parts have summed, and turns it back: 16 taps at a time.
void write_group(const Plan& plan, int group, const float* sums, const float* bias) {
  const WeightPass& p = plan.pass;
  const int vectors = plan.groups.width(group);
  for (int v = 0; v < vectors; ++v) {
    const int first = plan.first_output(group) + v * kLanes;
    const int channels = std::min(kLanes, plan.outputs - first);
    for (std::int64_t t = 0; t < plan.taps; t += kLanes) {
      const int taps = static_cast<int>(std::min<std::int64_t>(kLanes, plan.taps - t));
      Square rows = {};
      for (int i = 0; i < taps; ++i)
        for (int part = 0; part < plan.parts; ++part)
          rows[i] += load(sums + part * plan.part_sums() + ((t + i) * vectors + v) * kLanes);
      transpose(rows);
      for (int o = 0; o < channels; ++o) {
        const std::int64_t to = (first + o) * plan.taps + t;
        if (taps == kLanes) {
          put(p, to, rows[o]);
        } else {
          for (int i = 0; i < taps; ++i) put(p, to + i, rows[o][i]);
        }
      }
    }
    if (!p.dbias) continue;
    for (int o = first; o < first + channels; ++o) {
      alignas(64) float lanes[kLanes] = {};
      for (int part = 0; part < plan.parts; ++part)
        store(lanes, load(lanes) + load(bias + (std::int64_t{part} * plan.places() + o) * kLanes));
      write_bias(p, o, lanes);
    }
  }
}

}  // namespace

bool suits_transposed(const WeightPass& p) {
  const int outputs = p.gradient.dy.channels;
  const int vectors = (outputs + kLanes - 1) / kLanes;
  return kRegisters == 32 && p.dw && p.kernel_h == 3 && p.kernel_w == 3 &&
         8 * outputs >= 7 * vectors * kLanes;
}

void run_transposed(const WeightPass& pass) {
  const Plan plan(pass);
  const Scratch<float> sums(plan.parts * plan.part_sums());
  const Scratch<float> bias(std::int64_t{plan.parts} * plan.places() * kLanes);
  const int groups = plan.groups.count;
  parallel_for(std::int64_t{plan.parts} * groups, [&](std::int64_t item) {
    const int part = static_cast<int>(item) / groups, group = static_cast<int>(item) % groups;
    const std::int64_t first = plan.first_output(group);
    run_part(plan, part, group, sums.data() + part * plan.part_sums() + first * plan.taps,
             bias.data() + (std::int64_t{part} * plan.places() + first) * kLanes);
  });
  parallel_for(groups, [&](std::int64_t group) {
    const int g = static_cast<int>(group);
    write_group(plan, g, sums.data() + plan.first_output(g) * plan.taps, bias.data());
  });
}

}  // namespace espalier
