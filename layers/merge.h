// Layers of several inputs: sums, products and concatenation.
#pragma once

#include "core/ops/concat.h"
#include "core/ops/elementwise.h"
#include "layers/module.h"

namespace espalier::layers {

class Merge : public Module {
 public:
  bool takes(std::size_t inputs) const override { return inputs >= 2; }
  Tensor forward(const Tensor& x) final { return forward_all({&x, 1}); }
  Tensor forward_all(std::span<const Tensor> inputs) override = 0;
  Shape output_shape(const Shape& input) const final { return output_shape_all({&input, 1}); }
  Shape output_shape_all(std::span<const Shape> inputs) const override = 0;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) final {
    return pass_channels_all(walk, {&in, 1});
  }
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override {
    return walk.opaque(*this, inputs);
  }

 protected:
  void expect(std::span<const Tensor> inputs) const;  // an Error where they do not fit
};

// The sum of values of equal shape, such as the two paths of a residual block.
class Add : public Kind<"Add", Add, Merge> {
 public:
  Tensor forward_all(std::span<const Tensor> inputs) override;
  Shape output_shape_all(std::span<const Shape> inputs) const override;
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override;
};

// x * gate, of which the gate has x's shape or is [N, C, 1, 1]: one factor for each channel, as in
// squeeze-and-excitation (Hu et al., 2018).
class Mul : public Kind<"Mul", Mul, Merge> {
 public:
  bool takes(std::size_t inputs) const override { return inputs == 2; }
  Tensor forward_all(std::span<const Tensor> inputs) override {
    expect(inputs);
    return mul(inputs[0], inputs[1]);
  }
  Shape output_shape_all(std::span<const Shape> inputs) const override;
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override {
    return walk.product(*this, inputs[0], inputs[1]);
  }
};

// Channels (or features) one after the other: [N, C1, H, W] and [N, C2, H, W] make
// [N, C1 + C2, H, W].
class Concat : public Kind<"Concat", Concat, Merge> {
 public:
  bool takes(std::size_t inputs) const override { return inputs >= 1; }
  Tensor forward_all(std::span<const Tensor> inputs) override { return concat(inputs); }
  Shape output_shape_all(std::span<const Shape> inputs) const override {
    return concat_shape(label(), inputs);
  }
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override {
    return walk.concatenation(*this, inputs);
  }
};

}  // namespace espalier::layers
