// Convolution: the choice of kernel passes, forward and back.
#include "core/ops/conv.h"

#include <algorithm>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/conv.h"
#include "core/ops/activation.h"
#include "core/ops/conv_input_gradient.h"
#include "core/ops/conv_sizes.h"
#include "core/ops/depthwise_conv.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"
#include "core/ops/sparse_conv.h"
#include "core/packed.h"

namespace espalier {
namespace {

Tensor packed(const Tensor& weight, const ConvSizes& s) {
  return packed_values(weight, {}, [&] {
    Tensor result = Tensor::empty(weight.shape());
    const std::int64_t taps = static_cast<std::int64_t>(s.kernel_h) * s.kernel_w;
    pack_weights({weight.data(), s.channels * taps, taps, s.kernel_w, 1}, s.out_channels,
                 s.channels, s.kernel_h, s.kernel_w, result.mutable_data());
    return result;
  });
}

Tensor small_conv(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSizes& s,
                  const ConvOptions& options) {
  Tensor y = Tensor::empty({x.size(0), s.out_channels, s.rows, s.columns},
                           {.lanes = 1, .halo = halo_of(s.rows, s.columns)});
  y.mutable_data();
  const Tensor weights = packed(weight, s);
  run(SmallConvPass{.in = x.planes(),
                    .out = y.planes(),
                    .kernel_h = s.kernel_h,
                    .kernel_w = s.kernel_w,
                    .stride_y = options.stride.y,
                    .stride_x = options.stride.x,
                    .top = options.padding.top,
                    .left = options.padding.left,
                    .weights = weights.data(),
                    .bias = bias.defined() ? bias.data() : nullptr,
                    .relu = options.relu && !options.addend.defined(),
                    .relu_limit = options.addend.defined() ? kNoLimit : options.relu_limit});
  return after_small_conv(y, options);
}

}  // namespace

Tensor conv2d(const Tensor& given, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  if (const Pattern& pattern = csr_pattern(weight))
    return sparse_conv2d(given, weight, pattern, bias, options);
  if (options.groups > 1 && weight.shape().rank() == 4 && weight.size(1) == 1)
    return depthwise_conv2d(given, weight, bias, options);
  if (options.groups != 1 || options.dilation != Pair(1))
    return sparse_conv2d(given, weight, full_pattern(weight.shape()), bias, options);
  const ConvSizes s = conv_sizes("conv2d", given, weight.shape(), bias, options);
  if (options.max_pool && (s.kernel_h == 1 || s.kernel_w == 1)) {
    // The fused window may lose a NaN to a number; only with larger kernels does another keep it.
    ConvOptions unfused = options;
    unfused.max_pool = false;
    return max_pool2d(conv2d(given, weight, bias, unfused), {.kernel = 2});
  }
  const Tensor x = conv_input(given, options.padding);
  if (x.layout().lanes == 1) return small_conv(x, weight, bias, s, options);

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
  if (options.max_pool)
    argmax = Tensor::empty({out.blocks, out.channels, height, width * out.lanes / 4});
  auto* argmax_bytes =
      argmax.defined() ? reinterpret_cast<std::uint8_t*>(argmax.mutable_data()) : nullptr;

  const std::int64_t corner =
      options.padding.top * in.row_stride + std::int64_t{options.padding.left} * in.lanes;
  const bool only_2x2 = options.stride == Pair(1) && options.padding == Sides(1) &&
                        meets_only_2x2(in, s.kernel_h, s.kernel_w, s.rows, s.columns);
  const Tensor weights = packed(weight, s);
  const ConvPass pass{.in = in.plane(0, 0) - corner,
                      .in_block = in.block_stride,
                      .in_channel = in.channel_stride,
                      .in_row = in.row_stride,
                      .in_step_y = options.stride.y * in.row_stride,
                      .in_step_x = options.stride.x * in.lanes,
                      .channels = s.channels,
                      .kernel_h = s.kernel_h,
                      .kernel_w = s.kernel_w,
                      .out = out.plane(0, 0),
                      .out_block = out.block_stride,
                      .out_channel = out.channel_stride,
                      .out_step_y = out.row_stride,
                      .out_step_x = out.lanes,
                      .blocks = out.blocks,
                      .out_channels = s.out_channels,
                      .rows = s.rows,
                      .columns = s.columns,
                      .weights = weights.data(),
                      .bias = bias.defined() ? bias.data() : nullptr,
                      .addend = addend.defined() ? addend.planes().plane(0, 0) : nullptr,
                      .relu = options.relu,
                      .relu_limit = options.relu_limit,
                      .argmax = argmax_bytes,
                      .only_2x2 = only_2x2 && !options.max_pool,
                      .halo_of = out};
  run({&pass, 1});

  // The values of y, without its node: the node would hold itself.
  const Tensor result = options.relu && !options.max_pool ? y.detach() : Tensor();
  return record(Op::Conv2d, y, {x, weight, bias}, [=](const Tensor& dy) {
    const void* windows = argmax.defined() ? argmax.data() : nullptr;
    const OutputGradient gradient{.dy = dy.planes(),
                                  .y = result.defined() ? result.data() : nullptr,
                                  .argmax = static_cast<const std::uint8_t*>(windows)};
    const GradOut dw = grad_out(weight, true), db = grad_out(bias);
    if (dw || db)
      run(WeightPass{.in = in.plane(0, 0) - corner,
                     .in_block = in.block_stride,
                     .in_channel = in.channel_stride,
                     .in_row = in.row_stride,
                     .in_step_y = options.stride.y * in.row_stride,
                     .in_step_x = options.stride.x * in.lanes,
                     .channels = s.channels,
                     .kernel_h = s.kernel_h,
                     .kernel_w = s.kernel_w,
                     .gradient = gradient,
                     .rows = s.rows,
                     .columns = s.columns,
                     .dw = dw.data,
                     .dw_add = dw.add,
                     .dw_mask = gradient_mask(weight),
                     .dbias = db.data,
                     .dbias_add = db.add,
                     .only_2x2 = only_2x2});
    if (const GradOut dx = grad_out(x))
      conv_input_gradient(gradient, weight, planes_of(dx.data, x.shape(), x.layout()), dx.add,
                          options, s.rows, s.columns);
  });
}

}  // namespace espalier
