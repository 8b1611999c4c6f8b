// Layers of several inputs: sums, products and concatenation.
#pragma once

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
};

// The sum of values of equal shape, such as the two paths of a residual block.
class Add : public Merge {
 public:
  Add() = default;
  explicit Add(const Config&) {}
  std::string type() const override { return "Add"; }
  Tensor forward_all(std::span<const Tensor> inputs) override;
  Shape output_shape_all(std::span<const Shape> inputs) const override;
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Add>(*this); }
};

// x * gate, of which the gate has x's shape or is [N, C, 1, 1]: one factor for each channel, as in
// squeeze-and-excitation (Hu et al., 2018).
class Mul : public Merge {
 public:
  Mul() = default;
  explicit Mul(const Config&) {}
  std::string type() const override { return "Mul"; }
  bool takes(std::size_t inputs) const override { return inputs == 2; }
  Tensor forward_all(std::span<const Tensor> inputs) override;
  Shape output_shape_all(std::span<const Shape> inputs) const override;
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Mul>(*this); }
};

// Channels (or features) one after the other: [N, C1, H, W] and [N, C2, H, W] make
// [N, C1 + C2, H, W].
class Concat : public Merge {
 public:
  Concat() = default;
  explicit Concat(const Config&) {}
  std::string type() const override { return "Concat"; }
  bool takes(std::size_t inputs) const override { return inputs >= 1; }
  Tensor forward_all(std::span<const Tensor> inputs) override;
  Shape output_shape_all(std::span<const Shape> inputs) const override;
  Channels pass_channels_all(ChannelWalk& walk, std::span<const Channels> inputs) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Concat>(*this); }
};

}  // namespace espalier::layers
