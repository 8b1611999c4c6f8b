// Convolution: the choice of kernel passes, forward and back.
#include "core/ops/conv.h"

#include "core/autograd.h"
#include "core/kernels/conv_depthwise.h"
#include "core/ops/conv_input_gradient.h"
#include "core/ops/conv_sizes.h"
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

// Depthwise: each group has one channel, and the weight is dense.
Tensor depthwise_conv2d(const Tensor& given, const Tensor& weight, const Tensor& bias,
                        const ConvOptions& options) {
  const ConvSizes s = conv_sizes("conv2d", given, weight.shape(), bias, options);
  if (options.max_pool) {
    ConvOptions unfused = options;
    unfused.max_pool = false;
    return max_pool2d(depthwise_conv2d(given, weight, bias, unfused));
  }
  const Tensor x = conv_input(given, options.padding);
  const Tensor y = conv_output(x, s, options);
  const DepthwiseShape shape{.kernel_h = s.kernel_h,
                             .kernel_w = s.kernel_w,
                             .each = s.out_channels / s.channels,
                             .stride = options.stride,
                             .dilation = options.dilation,
                             .top = options.padding.top,
                             .left = options.padding.left};
  const Tensor addend = conv_addend(options, y.layout());
  run(DepthwisePass{.shape = shape,
                    .in = x.planes(),
                    .out = y.planes(),
                    .weights = weight.data(),
                    .bias = bias.defined() ? bias.data() : nullptr,
                    .addend = addend.defined() ? addend.planes().plane(0, 0) : nullptr,
                    .relu = options.relu,
                    .relu_limit = options.relu_limit});
  const ConvRecord kept(y, {}, options);
  return record(Op::Conv2d, y, {x, weight, bias}, [=](const Tensor& dy) {
    const GradOut dx = grad_out(x), dw = grad_out(weight), db = grad_out(bias);
    const Planes to = dx ? planes_of(dx.data, x.shape(), x.layout()) : Planes();
    run(DepthwiseGradientPass{.shape = shape,
                              .gradient = kept.gradient(dy),
                              .in = x.planes(),
                              .weights = weight.data(),
                              .dx = to,
                              .dx_add = dx.add,
                              .dw = dw.data,
                              .dbias = db.data,
                              .dw_add = dw.add,
                              .dbias_add = db.add});
  });
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
  const Tensor x = conv_input(given, options.padding), weights = packed(weight, s);
  const Tensor y = conv_output(x, s, options);
  if (x.layout().lanes == 1) {
    SmallConvPass pass = small_conv_pass(x, y, bias, s, options);
    pass.weights = weights.data();
    run(pass);
    return after_small_conv(y, options);
  }
  const Planes in = x.planes(), out = y.planes();
  const Tensor addend = conv_addend(options, y.layout());
  Tensor argmax = options.max_pool ? empty_argmax(out) : Tensor();
  const ConvInput input(in, -options.padding.top, -options.padding.left, options.stride, s.kernel_h,
                        s.kernel_w);
  const bool only_2x2 = options.stride == Pair(1) && options.padding == Sides(1) &&
                        meets_only_2x2(in, s.kernel_h, s.kernel_w, s.rows, s.columns);
  ConvPass pass{input, ConvOutput(out), conv_epilogue(bias, addend, options)};
  pass.blocks = out.blocks;
  pass.out_channels = s.out_channels;
  pass.rows = s.rows;
  pass.columns = s.columns;
  pass.weights = weights.data();
  pass.argmax = argmax_bytes(argmax);
  pass.only_2x2 = only_2x2 && !options.max_pool;
  pass.halo_of = out;
  run({&pass, 1});

  const ConvRecord kept(y, argmax, options);
  return record(Op::Conv2d, y, {x, weight, bias}, [=](const Tensor& dy) {
    const OutputGradient gradient = kept.gradient(dy);
    const GradOut dw = grad_out(weight, true), db = grad_out(bias);
    if (dw || db)
      run(WeightPass{input, gradient, s.rows, s.columns, dw.data, dw.add, gradient_mask(weight),
                     db.data, db.add, only_2x2});
    if (const GradOut dx = grad_out(x))
      conv_input_gradient(gradient, weight, planes_of(dx.data, x.shape(), x.layout()), dx.add,
                          options, s);
  });
}

}  // namespace espalier
