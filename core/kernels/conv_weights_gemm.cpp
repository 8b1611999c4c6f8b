// dw = dy x^T, where a row of dy is an output channel, a row of x is what one tap of one input
// channel reads, and a column is one position of one image. Both are written out in full first:
// with a few positions a plane that is little memory, and the product pays for it.
#include "core/kernels/conv_weights_gemm.h"

#include <cstring>
#include <vector>

#include "core/kernels/gemm.h"
#include "core/kernels/gradient_chunk.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/simd.h"

namespace espalier {
namespace {

using Matrix = std::vector<float, PoolAllocator<float>>;

// dy [O][block][position][L], and the gradient of the bias on the way.
void write_gradient(const WeightPass& p, std::int64_t columns, float* to) {
  const ChunkPlan plan(p.gradient, p.rows, p.columns, 1);
  parallel_for(p.gradient.dy.channels, [&](std::int64_t o) {
    alignas(64) float sums[kLanes] = {};
    float* row = to + o * columns;
    for (int chunk = 0; chunk < plan.count; ++chunk)
      row += gather(plan, p.gradient, chunk, static_cast<int>(o), 1, 1, 1, row, sums) * kLanes;
    if (p.dbias) p.dbias[o] = (p.dbias_add ? p.dbias[o] : 0) + sum(load(sums));
  });
}

// x [C][KH][KW][block][position][L]
void write_input(const WeightPass& p, std::int64_t columns, float* to) {
  const int taps = p.kernel_h * p.kernel_w;
  parallel_for(p.channels, [&](std::int64_t c) {
    float* out = to + c * taps * columns;
    for (int tap = 0; tap < taps; ++tap) {
      const float* first = p.in + c * p.in_channel + tap / p.kernel_w * p.in_row +
                           static_cast<std::int64_t>(tap % p.kernel_w) * kLanes;
      for (int b = 0; b < p.gradient.dy.blocks; ++b)
        for (int y = 0; y < p.rows; ++y)
          for (int x = 0; x < p.columns; ++x, out += kLanes)
            store(out, load(first + b * p.in_block + y * p.in_step_y + x * p.in_step_x));
    }
  });
}

}  // namespace

bool suits_gemm(const WeightPass& p) {
  constexpr int kPositions = 4, kRows = 64;
  return p.dw && p.rows * p.columns <= kPositions && p.gradient.dy.channels >= kRows &&
         p.channels * p.kernel_h * p.kernel_w >= kRows;
}

void run_gemm(const WeightPass& p) {
  const std::int64_t columns = std::int64_t{p.gradient.dy.blocks} * p.rows * p.columns * kLanes;
  const std::int64_t outputs = p.gradient.dy.channels;
  const std::int64_t inputs = std::int64_t{p.channels} * p.kernel_h * p.kernel_w;
  Matrix dy(static_cast<std::size_t>(outputs * columns));
  Matrix x(static_cast<std::size_t>(inputs * columns));
  write_gradient(p, columns, dy.data());
  write_input(p, columns, x.data());
  gemm(false, true, outputs, inputs, columns, dy.data(), columns, x.data(), columns, p.dw, inputs,
       p.dw_add);
  if (p.dw_mask)
    for (std::int64_t i = 0; i < outputs * inputs; ++i) p.dw[i] = p.dw_mask[i] ? p.dw[i] : 0;
}

}  // namespace espalier
