// Sparse convolution: the kernels' passes forward, and back to the weights.
#include "core/ops/sparse_conv.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/conv_input_gradient.h"
#include "core/packed.h"

namespace espalier {
namespace {

// The taps with their weights, in the memory of a tensor.
Tensor packed(const Tensor& values, const std::shared_ptr<const TapOrder>& order,
              bool fours = false) {
  return packed_values(values, {.order = order, .form = fours ? 4 : 1}, [&] {
    return fours ? pack_fours(*order, values) : pack_taps(*order, values);
  });
}

// What a tile of the forward pass reads that its neighbours have not.
NewPixels new_pixels(const TileGrid& grid, const Planes& in, const ConvOptions& options,
                     const ConvSizes& s) {
  const Pair stride = options.stride;
  const int down = options.dilation.y * (s.kernel_h - 1) + 1 - options.padding.top - stride.y;
  const int right = options.dilation.x * (s.kernel_w - 1) + 1 - options.padding.left - stride.x;
  return {.corner = down * in.row_stride + std::int64_t{right} * in.lanes,
          .channel = in.channel_stride,
          .row = in.row_stride,
          .channels = in.channels,
          .rows = grid.shape().rows * stride.y,
          .columns = grid.shape().columns * stride.x};
}

}  // namespace

Tensor sparse_conv2d(const Tensor& given, const Tensor& values, const Pattern& pattern,
                     const Tensor& bias, const ConvOptions& options) {
  // A dense weight in groups comes with the pattern of all its elements.
  const bool dense = values.shape() == pattern->dense();
  const ConvSizes s =
      conv_sizes(dense ? "conv2d" : "sparse_conv2d", given, pattern->dense(), bias, options);
  check(values.numel() == pattern->nonzero(), "sparse_conv2d: found values of shape ",
        values.shape().str(), ", expected [", pattern->nonzero(), "]");
  const Tensor x = conv_input(given, options.padding), y = conv_output(x, s, options);
  const Planes in = x.planes(), out = y.planes();
  if (x.layout().lanes == 1) {
    const auto order = tap_order(*pattern, tap_geometry(in, options));
    const Tensor taps = packed(values, order);
    run(SparseSmallPass{small_conv_pass(x, y, bias, s, options), order.get(), taps_of(taps)});
    return after_small_conv(y, options);
  }
  const Tensor addend = conv_addend(options, y.layout());
  Tensor argmax =
      options.max_pool && needs_record({x, values, bias}) ? empty_argmax(out) : Tensor();

  // How a pass reads the input: back to the weights as forward, but for rows in fours.
  struct Way {
    TileGrid grid;
    std::shared_ptr<const TapOrder> order;
    NewPixels fresh;
  };
  const auto way = [&](const TileGrid& grid) -> Way {
    TapGeometry geometry = tap_geometry(in, options);
    if (options.groups == 1)
      geometry.part_channels = part_channels(grid, in, options.stride, s.kernel_h, s.kernel_w);
    return {grid, tap_order(*pattern, geometry), new_pixels(grid, in, options, s)};
  };
  const TileGrid of_four(in.blocks, s.rows, s.columns, options.max_pool, 4);
  const bool fours =
      kRegisters == 32 && options.groups == 1 && of_four.has_shape() && in_fours(*pattern);
  const TileGrid any(in.blocks, s.rows, s.columns, options.max_pool);
  const Way forward = way(fours ? of_four : any);
  const Tensor taps = packed(values, forward.order, fours);
  const ConvInput input(in, 0, 0, options.stride, s.kernel_h, s.kernel_w);
  SparsePass pass{input, ConvOutput(out), conv_epilogue(bias, addend, options), forward.grid,
                  forward.order.get()};
  if (fours)
    pass.fours = reinterpret_cast<const TapOfFour*>(taps.data());
  else
    pass.taps = taps_of(taps);
  pass.pool = options.max_pool;
  pass.argmax = argmax_bytes(argmax);
  pass.fresh = forward.fresh;
  pass.halo_of = out;
  run(pass);

  const ConvRecord kept(y, argmax, options);
  const Way back = fours && grad_enabled() ? way(any) : forward;
  return record(dense ? Op::Conv2d : Op::SparseConv2d, y, {x, values, bias}, [=](const Tensor& dy) {
    const OutputGradient gradient = kept.gradient(dy);
    const GradOut dvalues = grad_out(values), dbias = grad_out(bias);
    if (dvalues || dbias)
      run(SparseWeightPass{input, back.grid, back.order.get(), back.fresh, gradient, dvalues.data,
                           dvalues.add, dbias.data, dbias.add});
    if (const GradOut dx = grad_out(x))
      sparse_conv_input_gradient(gradient, values, *pattern,
                                 planes_of(dx.data, x.shape(), x.layout()), dx.add, options, s);
  });
}

}  // namespace espalier
