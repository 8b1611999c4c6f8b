// Depthwise convolution: the kernel's passes, forward and back.
#include "core/ops/depthwise_conv.h"

#include "core/autograd.h"
#include "core/kernels/conv_depthwise.h"
#include "core/ops/conv_sizes.h"
#include "core/ops/pool.h"

namespace espalier {

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

}  // namespace espalier
