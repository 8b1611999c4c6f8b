// Sparse convolution: the kernels' passes forward, and back to the weights.
#include "core/ops/sparse_conv.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/sparse_conv.h"
#include "core/ops/conv_sizes.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"
#include "core/ops/sparse_conv_input_gradient.h"
#include "core/packed.h"

namespace espalier {
namespace {

const Tap* taps_of(const Tensor& packed) { return reinterpret_cast<const Tap*>(packed.data()); }

// The taps with their weights, in the memory of a tensor.
Tensor packed(const Tensor& values, const std::shared_ptr<const TapOrder>& order,
              bool fours = false) {
  return packed_values(values, {.order = order, .form = fours ? 4 : 1}, [&] {
    return fours ? pack_fours(*order, values) : pack_taps(*order, values);
  });
}

TapGeometry geometry_of(const Planes& in, const ConvOptions& options) {
  return {.groups = options.groups,
          .top = options.padding.top,
          .left = options.padding.left,
          .dilation_y = options.dilation.y,
          .dilation_x = options.dilation.x,
          .channel = in.channel_stride,
          .row = in.row_stride,
          .pixel = in.lanes};
}

Tensor small_conv(const Tensor& x, const Tensor& values, const SparsePattern& pattern,
                  const Tensor& bias, const ConvSizes& s, const ConvOptions& options) {
  Tensor y = Tensor::empty({x.size(0), s.out_channels, s.rows, s.columns},
                           {.lanes = 1, .halo = halo_of(s.rows, s.columns)});
  y.mutable_data();
  TapGeometry geometry = geometry_of(x.planes(), options);
  geometry.part_channels = s.channels;
  const auto order = tap_order(pattern, geometry);
  const Tensor taps = packed(values, order);
  run(SparseSmallPass{
      .conv = {.in = x.planes(),
               .out = y.planes(),
               .kernel_h = s.kernel_h,
               .kernel_w = s.kernel_w,
               .stride_y = options.stride.y,
               .stride_x = options.stride.x,
               .top = options.padding.top,
               .left = options.padding.left,
               .weights = nullptr,
               .bias = bias.defined() ? bias.data() : nullptr,
               .relu = options.relu && !options.addend.defined(),
               .relu_limit = options.addend.defined() ? kNoLimit : options.relu_limit},
      .order = order.get(),
      .taps = taps_of(taps)});
  return after_small_conv(y, options);
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
  const Tensor x = conv_input(given, options.padding);
  if (x.layout().lanes == 1) return small_conv(x, values, *pattern, bias, s, options);

  const int shrink = options.max_pool ? 2 : 1;
  const int height = s.rows / shrink, width = s.columns / shrink;
  Tensor y =
      Tensor::empty({x.size(0), s.out_channels, height, width},
                    {.lanes = x.layout().lanes, .halo = halo_of(height, width, options.halo)});
  y.mutable_data();
  const Planes in = x.planes(), out = y.planes();
  const Tensor addend = conv_addend(options, y.layout());
  // One byte a result, kept in the memory of a tensor.
  Tensor argmax;
  if (options.max_pool && needs_record({x, values, bias}))
    argmax = Tensor::empty({out.blocks, out.channels, height, width * out.lanes / 4});
  auto* argmax_bytes =
      argmax.defined() ? reinterpret_cast<std::uint8_t*>(argmax.mutable_data()) : nullptr;

  // How a pass reads the input: back to the weights as forward, but for rows in fours.
  struct Way {
    TileGrid grid;
    std::shared_ptr<const TapOrder> order;
    NewPixels fresh;
  };
  const auto way = [&](const TileGrid& grid) -> Way {
    TapGeometry geometry = geometry_of(in, options);
    geometry.part_channels = part_channels(grid, in, options, s.kernel_h, s.kernel_w);
    return {grid, tap_order(*pattern, geometry), new_pixels(grid, in, options, s)};
  };
  const TileGrid of_four(in.blocks, s.rows, s.columns, options.max_pool, 4);
  const bool fours =
      kRegisters == 32 && options.groups == 1 && of_four.has_shape() && in_fours(*pattern);
  const TileGrid any(in.blocks, s.rows, s.columns, options.max_pool);
  const Way forward = way(fours ? of_four : any);
  const Tensor taps = packed(values, forward.order, fours);
  run(SparsePass{.grid = forward.grid,
                 .in = in.plane(0, 0),
                 .in_block = in.block_stride,
                 .in_step_y = options.stride.y * in.row_stride,
                 .in_step_x = options.stride.x * in.lanes,
                 .out = out.plane(0, 0),
                 .out_block = out.block_stride,
                 .out_channel = out.channel_stride,
                 .out_step_y = out.row_stride,
                 .out_step_x = out.lanes,
                 .order = forward.order.get(),
                 .taps = fours ? nullptr : taps_of(taps),
                 .fours = fours ? reinterpret_cast<const TapOfFour*>(taps.data()) : nullptr,
                 .bias = bias.defined() ? bias.data() : nullptr,
                 .addend = addend.defined() ? addend.planes().plane(0, 0) : nullptr,
                 .relu = options.relu,
                 .relu_limit = options.relu_limit,
                 .pool = options.max_pool,
                 .argmax = argmax_bytes,
                 .fresh = forward.fresh,
                 .halo_of = out});

  // The values of y, without its node: the node would hold itself.
  const Tensor result = options.relu && !options.max_pool ? y.detach() : Tensor();
  const Way back = fours && grad_enabled() ? way(any) : forward;
  return record(dense ? Op::Conv2d : Op::SparseConv2d, y, {x, values, bias}, [=](const Tensor& dy) {
    const void* windows = argmax.defined() ? argmax.data() : nullptr;
    const OutputGradient gradient{.dy = dy.planes(),
                                  .y = result.defined() ? result.data() : nullptr,
                                  .argmax = static_cast<const std::uint8_t*>(windows)};
    const GradOut dvalues = grad_out(values), dbias = grad_out(bias);
    if (dvalues || dbias)
      run(SparseWeightPass{.grid = back.grid,
                           .in = in.plane(0, 0),
                           .in_block = in.block_stride,
                           .in_step_y = options.stride.y * in.row_stride,
                           .in_step_x = options.stride.x * in.lanes,
                           .order = back.order.get(),
                           .fresh = back.fresh,
                           .gradient = gradient,
                           .dvalues = dvalues.data,
                           .dvalues_add = dvalues.add,
                           .dbias = dbias.data,
                           .dbias_add = dbias.add});
    if (const GradOut dx = grad_out(x))
      sparse_conv_input_gradient(gradient, values, *pattern,
                                 planes_of(dx.data, x.shape(), x.layout()), dx.add, options, s);
  });
}

}  // namespace espalier
