// The way back to the input is the forward kernel with the pattern transposed. With a stride, the
// pixels of the input fall into stride^2 phases, each of which sees the taps of its own: one pass a
// phase.
#include "core/ops/sparse_conv_input_gradient.h"

#include <algorithm>
#include <vector>

#include "core/memory.h"
#include "core/parallel.h"

namespace espalier {
namespace {

// One dimension of one phase: the input pixels phase, phase + stride, ...
struct Phase {
  Phase(int phase, int stride, int padding, int dilation, int kernel, int size, int out_size)
      : pixels((size - phase + stride - 1) / stride) {
    int lowest = 0, highest = 0;  // output pixels that reach pixel 0 of the phase
    for (int tap = 0; tap < kernel; ++tap) {
      const int distance = phase + padding - tap * dilation;
      if (distance % stride) continue;
      lowest = distance / stride;
      if (taps++ == 0) highest = lowest;
    }
    if (taps > 0) halo = std::max({0, -lowest, pixels - 1 + highest - (out_size - 1)});
  }
  int pixels;
  int taps = 0;
  int halo = 0;  // how far beyond the output's ends the taps reach
};

struct Problem {
  const Tensor& values;
  const SparsePattern& pattern;
  const ConvOptions& options;
  const ConvSizes& sizes;
  bool add;  // to what dx holds
};

// Calls f(phase_y, phase_x, Phase, Phase) for each phase that has pixels.
template <class Function>
void for_phases(const Problem& p, const Planes& dx, const Function& f) {
  const Pair stride = p.options.stride, dilation = p.options.dilation;
  const Sides padding = p.options.padding;
  for (int y = 0; y < std::min(stride.y, dx.height); ++y)
    for (int x = 0; x < std::min(stride.x, dx.width); ++x)
      f(y, x,
        Phase(y, stride.y, padding.top, dilation.y, p.sizes.kernel_h, dx.height, p.sizes.rows),
        Phase(x, stride.x, padding.left, dilation.x, p.sizes.kernel_w, dx.width, p.sizes.columns));
}

// A phase's pass, without the planes that it works on, and what it needs to live.
struct PhasePass {
  SparsePass pass;
  int phase_y, phase_x;
  std::shared_ptr<const TapOrder> order;
  Tensor taps;
};
using Passes = std::vector<PhasePass, PoolAllocator<PhasePass>>;

// Passes on groups of `blocks` image blocks. dy gives the strides.
Passes make_passes(const Problem& p, const Planes& dy, const Planes& dx, int blocks) {
  Passes passes;
  for_phases(p, dx, [&](int phase_y, int phase_x, const Phase& y, const Phase& x) {
    const TileGrid grid(blocks, y.pixels, x.pixels, false);
    TapGeometry geometry{.transposed = true,
                         .groups = p.options.groups,
                         .stride_y = p.options.stride.y,
                         .stride_x = p.options.stride.x,
                         .top = p.options.padding.top,
                         .left = p.options.padding.left,
                         .dilation_y = p.options.dilation.y,
                         .dilation_x = p.options.dilation.x,
                         .phase_y = phase_y,
                         .phase_x = phase_x,
                         .channel = dy.channel_stride,
                         .row = dy.row_stride,
                         .pixel = dy.lanes};
    geometry.part_channels = part_channels(grid, dy, {.groups = p.options.groups}, y.taps, x.taps);
    PhasePass made{.pass = {.grid = grid,
                            .in = nullptr,
                            .in_block = dy.block_stride,
                            .in_step_y = dy.row_stride,
                            .in_step_x = dy.lanes,
                            .out = nullptr,
                            .out_block = dx.block_stride,
                            .out_channel = dx.channel_stride,
                            .out_step_y = p.options.stride.y * dx.row_stride,
                            .out_step_x = p.options.stride.x * dx.lanes,
                            .order = nullptr,
                            .taps = nullptr,
                            .add = p.add},
                   .phase_y = phase_y,
                   .phase_x = phase_x,
                   .order = tap_order(p.pattern, geometry),
                   .taps = {}};
    made.taps = pack_taps(*made.order, p.values);
    made.pass.order = made.order.get();
    made.pass.taps = reinterpret_cast<const Tap*>(made.taps.data());
    passes.push_back(std::move(made));
  });
  return passes;
}

void run_passes(const Passes& passes, const Planes& dy, const Planes& dx) {
  for (const PhasePass& made : passes) {
    SparsePass pass = made.pass;
    pass.in = dy.plane(0, 0);
    pass.out = dx.plane(0, 0) + made.phase_y * dx.row_stride + made.phase_x * dx.lanes;
    if (!pass.add && made.phase_y == 0 && made.phase_x == 0) pass.halo_of = dx;
    run(pass);
  }
}

Planes some_blocks(Planes planes, std::int64_t first, std::int64_t count) {
  planes.data += first * planes.block_stride;
  planes.blocks = static_cast<int>(count);
  return planes;
}

}  // namespace

int part_channels(const TileGrid& grid, const Planes& in, const ConvOptions& options, int kernel_h,
                  int kernel_w) {
  if (options.groups > 1) return in.channels;  // a row sees few of them, all in one part
  const TileShape& shape = grid.shape();
  const int most = channels_in_cache({.blocks = shape.blocks,
                                      .rows = (shape.rows - 1) * options.stride.y + kernel_h,
                                      .columns = (shape.columns - 1) * options.stride.x + kernel_w,
                                      .block = in.block_stride,
                                      .channel = in.channel_stride,
                                      .row = in.row_stride},
                                     in.channels);
  const int parts = (in.channels + most - 1) / most;
  return (in.channels + parts - 1) / parts;
}

void sparse_conv_input_gradient(const OutputGradient& gradient, const Tensor& values,
                                const SparsePattern& pattern, const Planes& dx, bool add,
                                const ConvOptions& options, const ConvSizes& sizes) {
  const Problem p{values, pattern, options, sizes, add};
  int halo = 0;
  for_phases(p, dx, [&](int, int, const Phase& y, const Phase& x) {
    halo = std::max({halo, y.halo, x.halo});
  });
  if (!gradient.y && !gradient.argmax && gradient.dy.halo >= halo)
    return run_passes(make_passes(p, gradient.dy, dx, dx.blocks), gradient.dy, dx);

  // Behind ReLU and pooling the gradient is written out in full, a group of image blocks at a time
  // where there are enough of them: it stays in cache until it has been used.
  const int channels = gradient.dy.channels;
  const Layout layout{.lanes = dx.lanes, .halo = halo};
  const Shape full_shape{gradient.dy.images, channels, sizes.rows, sizes.columns};
  if (dx.blocks < 2 * num_threads()) {
    Tensor full = Tensor::empty(full_shape, layout);
    const Planes planes = full.planes();
    parallel_for(static_cast<std::int64_t>(dx.blocks) * channels, [&](std::int64_t i) {
      expand(gradient, i / channels, i % channels, planes, i / channels, i % channels);
    });
    return run_passes(make_passes(p, planes, dx, dx.blocks), planes, dx);
  }
  const Planes strides = planes_of(nullptr, full_shape, layout);
  const Passes passes = make_passes(p, strides, dx, 1);
  parallel_for(dx.blocks, [&](std::int64_t block) {
    Tensor full = Tensor::empty({dx.lanes, channels, sizes.rows, sizes.columns}, layout);
    const Planes planes = full.planes();
    for (int o = 0; o < channels; ++o) expand(gradient, block, o, planes, 0, o);
    run_passes(passes, planes, some_blocks(dx, block, 1));
  });
}

}  // namespace espalier
