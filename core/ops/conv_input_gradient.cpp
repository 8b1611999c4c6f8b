// The way back to the input is a convolution of the output's gradient with the weights turned
// around and transposed. With a stride, the pixels of the input fall into stride^2 phases, each of
// which sees only every stride-th tap: one dense or sparse pass a phase, and no multiplication with
// inserted zeros.
#include "core/ops/conv_input_gradient.h"

#include <algorithm>
#include <vector>

#include "core/memory.h"
#include "core/parallel.h"

namespace espalier {
namespace {

template <class T>
using List = std::vector<T, PoolAllocator<T>>;

// One dimension of one phase: the input pixels number, number + stride, ...
struct Phase {
  Phase(int number, int stride, int padding, int dilation, int kernel, int size, int out_size)
      : number(number), pixels((size - number + stride - 1) / stride) {
    int highest = 0;
    for (int tap = 0; tap < kernel; ++tap) {
      const int distance = number + padding - tap * dilation;
      if (distance % stride) continue;
      start = distance / stride;
      if (taps++ > 0) continue;
      first_tap = tap;
      highest = start;
    }
    if (taps > 0) halo = std::max({0, -start, pixels - 1 + highest - (out_size - 1)});
  }
  int number, pixels;
  int first_tap = 0, taps = 0;  // that it sees
  int start = 0;                // the lowest output pixel that reaches pixel 0 of the phase
  int halo = 0;                 // how far beyond the output's ends the taps reach
};

struct Phases {
  Phase down, across;
};

// The phases that have pixels, row by row.
List<Phases> phases_of(const Planes& dx, const ConvOptions& o, const ConvSizes& s) {
  List<Phases> phases;
  for (int y = 0; y < std::min(o.stride.y, dx.height); ++y)
    for (int x = 0; x < std::min(o.stride.x, dx.width); ++x)
      phases.push_back(
          {{y, o.stride.y, o.padding.top, o.dilation.y, s.kernel_h, dx.height, s.rows},
           {x, o.stride.x, o.padding.left, o.dilation.x, s.kernel_w, dx.width, s.columns}});
  return phases;
}

// Goes back with a gradient whose halo holds what the taps reach. prepare(dy, blocks) makes ready
// for planes with the strides of dy, so many blocks at a time, and returns run(dy, dx).
template <class Prepare>
void go_back(const OutputGradient& gradient, const Planes& dx, const List<Phases>& phases,
             const ConvSizes& s, const Prepare& prepare) {
  int halo = 0;
  for (const auto& [down, across] : phases) halo = std::max({halo, down.halo, across.halo});
  if (!gradient.y && !gradient.argmax && gradient.dy.halo >= halo)
    return prepare(gradient.dy, dx.blocks)(gradient.dy, dx);

  // Behind ReLU and pooling the gradient is written out in full, one image block at a time where
  // there are enough of them: a block stays in cache until it has been used.
  const int channels = gradient.dy.channels;
  const Layout layout{.lanes = dx.lanes, .halo = halo};
  const Shape shape{gradient.dy.images, channels, s.rows, s.columns};
  if (dx.blocks < 2 * num_threads()) {
    Tensor full = Tensor::empty(shape, layout);
    const Planes planes = full.planes();
    parallel_for(static_cast<std::int64_t>(dx.blocks) * channels, [&](std::int64_t i) {
      expand(gradient, i / channels, i % channels, planes, i / channels, i % channels);
    });
    return prepare(planes, dx.blocks)(planes, dx);
  }
  const auto run_block = prepare(planes_of(nullptr, shape, layout), 1);
  parallel_for(dx.blocks, [&](std::int64_t block) {
    Tensor full = Tensor::empty({dx.lanes, channels, s.rows, s.columns}, layout);
    const Planes planes = full.planes();
    for (int o = 0; o < channels; ++o) expand(gradient, block, o, planes, 0, o);
    Planes to = dx;
    to.data += block * dx.block_stride;
    to.blocks = 1;
    run_block(planes, to);
  });
}

// The weights of one phase, packed: [C tiles][O][taps][taps][channels of the tile].
Tensor pack_phase(const Tensor& weight, Pair stride, const Phase& y, const Phase& x) {
  const Shape& w = weight.shape();
  const std::int64_t taps = w[2] * w[3], width = w[3];
  Tensor packed = Tensor::empty({w[1], w[0], y.taps, x.taps});
  const std::int64_t last =
      (y.first_tap + stride.y * (y.taps - 1)) * width + x.first_tap + stride.x * (x.taps - 1);
  if (y.taps > 0 && x.taps > 0)
    pack_weights({weight.data() + last, taps, w[1] * taps, -stride.y * width, -stride.x},
                 static_cast<int>(w[1]), static_cast<int>(w[0]), y.taps, x.taps,
                 packed.mutable_data());
  return packed;
}

// What the first phase zeroes on the way.
Planes zeroed_halo(const Planes& dx, const Phase& y, const Phase& x, bool add) {
  return add || y.number || x.number ? Planes{} : dx;
}

}  // namespace

void conv_input_gradient(const OutputGradient& gradient, const Tensor& weight, const Planes& whole,
                         bool add, const ConvOptions& options, const ConvSizes& sizes) {
  const Pair stride = options.stride;
  const List<Phases> phases = phases_of(whole, options, sizes);
  List<Tensor> weights;
  for (const auto& [y, x] : phases) weights.push_back(pack_phase(weight, stride, y, x));
  const auto run_phases = [&](const Planes& dy, const Planes& dx) {
    List<ConvPass> passes;
    for (const auto& [y, x] : phases) {
      ConvPass pass{ConvInput(dy, y.start, x.start, 1, y.taps, x.taps),
                    ConvOutput(dx, y.number, x.number, stride),
                    {}};
      pass.blocks = dx.blocks;
      pass.out_channels = dx.channels;
      pass.rows = y.pixels;
      pass.columns = x.pixels;
      pass.weights = weights[passes.size()].data();
      pass.add = add;
      pass.only_2x2 = stride == Pair(1) && y.start == -1 && x.start == -1 &&
                      meets_only_2x2(dy, y.taps, x.taps, y.pixels, x.pixels);
      pass.halo_of = zeroed_halo(dx, y, x, add);
      passes.push_back(pass);
    }
    run(passes);
  };
  go_back(gradient, whole, phases, sizes, [&](const Planes&, int) { return run_phases; });
}

void sparse_conv_input_gradient(const OutputGradient& gradient, const Tensor& values,
                                const SparsePattern& pattern, const Planes& whole, bool add,
                                const ConvOptions& options, const ConvSizes& sizes) {
  struct Work {
    TileGrid grid;
    std::shared_ptr<const TapOrder> order;
    Tensor taps;
  };
  const List<Phases> phases = phases_of(whole, options, sizes);
  go_back(gradient, whole, phases, sizes, [&](const Planes& strides, int blocks) {
    List<Work> works;
    for (const auto& [y, x] : phases) {
      const TileGrid grid(blocks, y.pixels, x.pixels, false);
      TapGeometry geometry = tap_geometry(strides, options);
      geometry.transposed = true;
      geometry.stride_y = options.stride.y;
      geometry.stride_x = options.stride.x;
      geometry.phase_y = y.number;
      geometry.phase_x = x.number;
      if (options.groups == 1)
        geometry.part_channels = part_channels(grid, strides, 1, y.taps, x.taps);
      const auto order = tap_order(pattern, geometry);
      works.push_back({grid, order, pack_taps(*order, values)});
    }
    return [&, works](const Planes& dy, const Planes& dx) {
      for (std::size_t i = 0; i < works.size(); ++i) {
        const auto& [y, x] = phases[i];
        SparsePass pass{ConvInput(dy, 0, 0, 1, y.taps, x.taps),
                        ConvOutput(dx, y.number, x.number, options.stride),
                        {},
                        works[i].grid,
                        works[i].order.get(),
                        taps_of(works[i].taps)};
        pass.add = add;
        pass.halo_of = zeroed_halo(dx, y, x, add);
        run(pass);
      }
    };
  });
}

}  // namespace espalier
