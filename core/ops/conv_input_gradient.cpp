// The way back to the input is a convolution of the output's gradient with the weights turned
// around and transposed. With a stride, the pixels of the input fall into stride^2 phases, each of
// which sees only every stride-th tap: one dense pass a phase, and no multiplication with inserted
// zeros.
#include "core/ops/conv_input_gradient.h"

#include <algorithm>
#include <vector>

#include "core/memory.h"
#include "core/parallel.h"

namespace espalier {
namespace {

// One dimension of one phase: the input pixels phase, phase + stride, ... see the taps first,
// first + stride, ...; output pixel (i + shift - taps + 1) is the lowest that reaches pixel i.
struct Phase {
  Phase(int phase, int stride, int padding, int kernel, int size, int out_size)
      : first_tap((phase + padding) % stride),
        taps(first_tap < kernel ? (kernel - 1 - first_tap) / stride + 1 : 0),
        pixels((size - phase + stride - 1) / stride),
        start((phase + padding - first_tap) / stride - taps + 1),
        halo(taps == 0 ? 0 : std::max({0, -start, start + pixels - 1 + taps - out_size})) {}
  int first_tap, taps, pixels;
  int start;  // the lowest output pixel that reaches pixel 0 of the phase
  int halo;   // how far beyond the output's ends the taps reach
};

struct Problem {
  const Tensor& weight;
  Pair stride;
  Sides padding;
  int rows, columns;  // of the output
  bool add;           // to what dx holds

  // Of the phases down and across.
  Phase down(int phase, const Planes& dx) const {
    return {phase, stride.y, padding.top, static_cast<int>(weight.size(2)), dx.height, rows};
  }
  Phase across(int phase, const Planes& dx) const {
    return {phase, stride.x, padding.left, static_cast<int>(weight.size(3)), dx.width, columns};
  }
};

int halo_needed(const Problem& p, const Planes& dx) {
  int halo = 0;
  for (int phase = 0; phase < p.stride.y; ++phase) halo = std::max(halo, p.down(phase, dx).halo);
  for (int phase = 0; phase < p.stride.x; ++phase) halo = std::max(halo, p.across(phase, dx).halo);
  return halo;
}

// The weights of one phase, packed: [C tiles][O][taps][taps][channels of the tile].
Tensor pack_phase(const Problem& p, const Phase& y, const Phase& x) {
  const Shape& w = p.weight.shape();
  const std::int64_t taps = w[2] * w[3], width = w[3];
  Tensor packed = Tensor::empty({w[1], w[0], y.taps, x.taps});
  const std::int64_t last =
      (y.first_tap + p.stride.y * (y.taps - 1)) * width + x.first_tap + p.stride.x * (x.taps - 1);
  if (y.taps > 0 && x.taps > 0)
    pack_weights({p.weight.data() + last, taps, w[1] * taps, -p.stride.y * width, -p.stride.x},
                 static_cast<int>(w[1]), static_cast<int>(w[0]), y.taps, x.taps,
                 packed.mutable_data());
  return packed;
}

ConvPass phase_pass(const Problem& p, const Phase& y, const Phase& x, int phase_y, int phase_x,
                    const Planes& dy, const Planes& dx, const float* weights) {
  return {.in = dy.plane(0, 0) + y.start * dy.row_stride + x.start * dy.lanes,
          .in_block = dy.block_stride,
          .in_channel = dy.channel_stride,
          .in_row = dy.row_stride,
          .in_step_y = dy.row_stride,
          .in_step_x = dy.lanes,
          .channels = dy.channels,
          .kernel_h = y.taps,
          .kernel_w = x.taps,
          .out = dx.plane(0, 0) + phase_y * dx.row_stride + phase_x * dx.lanes,
          .out_block = dx.block_stride,
          .out_channel = dx.channel_stride,
          .out_step_y = p.stride.y * dx.row_stride,
          .out_step_x = p.stride.x * dx.lanes,
          .blocks = dx.blocks,
          .out_channels = dx.channels,
          .rows = y.pixels,
          .columns = x.pixels,
          .weights = weights,
          .add = p.add,
          .only_2x2 = p.stride == Pair(1) && y.start == -1 && x.start == -1 &&
                      meets_only_2x2(dy, y.taps, x.taps, y.pixels, x.pixels),
          .halo_of = p.add || phase_y || phase_x ? Planes{} : dx};
}

template <class T>
using List = std::vector<T, PoolAllocator<T>>;

// Calls f(phase_y, phase_x, Phase, Phase) for each phase that has pixels.
template <class Function>
void for_phases(const Problem& p, const Planes& dx, const Function& f) {
  for (int phase_y = 0; phase_y < std::min(p.stride.y, dx.height); ++phase_y)
    for (int phase_x = 0; phase_x < std::min(p.stride.x, dx.width); ++phase_x)
      f(phase_y, phase_x, p.down(phase_y, dx), p.across(phase_x, dx));
}

List<Tensor> pack_phases(const Problem& p, const Planes& dx) {
  List<Tensor> weights;
  for_phases(p, dx, [&](int, int, const Phase& y, const Phase& x) {
    weights.push_back(pack_phase(p, y, x));
  });
  return weights;
}

void run_phases(const Problem& p, const Planes& dy, const Planes& dx, const List<Tensor>& weights) {
  List<ConvPass> passes;
  for_phases(p, dx, [&](int phase_y, int phase_x, const Phase& y, const Phase& x) {
    passes.push_back(phase_pass(p, y, x, phase_y, phase_x, dy, dx, weights[passes.size()].data()));
  });
  run(passes);
}

Planes one_block(Planes planes, std::int64_t block) {
  planes.data += block * planes.block_stride;
  planes.blocks = 1;
  return planes;
}

}  // namespace

void conv_input_gradient(const OutputGradient& gradient, const Tensor& weight, const Planes& dx,
                         bool add, const ConvOptions& options, int rows, int columns) {
  const Problem p{weight, options.stride, options.padding, rows, columns, add};
  const int halo = halo_needed(p, dx), channels = gradient.dy.channels;
  const List<Tensor> weights = pack_phases(p, dx);
  if (!gradient.y && !gradient.argmax && gradient.dy.halo >= halo)
    return run_phases(p, gradient.dy, dx, weights);

  // Behind ReLU and pooling the gradient is written out in full, one image block at a time where
  // there are enough of them: a block stays in cache until it has been used.
  const Layout layout{.lanes = dx.lanes, .halo = halo};
  if (dx.blocks < 2 * num_threads()) {
    Tensor full = Tensor::empty({gradient.dy.images, channels, rows, columns}, layout);
    const Planes planes = full.planes();
    parallel_for(static_cast<std::int64_t>(dx.blocks) * channels, [&](std::int64_t i) {
      expand(gradient, i / channels, i % channels, planes, i / channels, i % channels);
    });
    return run_phases(p, planes, dx, weights);
  }
  parallel_for(dx.blocks, [&](std::int64_t block) {
    Tensor full = Tensor::empty({dx.lanes, channels, rows, columns}, layout);
    const Planes planes = full.planes();
    for (int o = 0; o < channels; ++o) expand(gradient, block, o, planes, 0, o);
    run_phases(p, planes, one_block(dx, block), weights);
  });
}

}  // namespace espalier
