// Sequential: layers that run one after the other.
#pragma once

#include <initializer_list>

#include "layers/fusion.h"
#include "layers/module.h"

namespace espalier::layers {

//   Sequential net{{"conv1", Conv2d(3, 32, {.padding = 1})}, {"relu1", ReLU()}};
//   net.add("fc", Linear(512, 10));
// Without children it is the identity. A convolution or batch norm followed by ReLU, and a
// convolution followed by ReLU and 2x2 max-pooling, run as one (layers/fusion.h); a convolution
// with the batch norm behind it too, where nothing is recorded and the norm is in evaluation.
class Sequential : public Module {
 public:
  Sequential() = default;
  Sequential(std::initializer_list<Child> layers) { children() = layers; }
  explicit Sequential(std::vector<Child> layers) { children() = std::move(layers); }

  Sequential& add(Child layer);
  template <std::derived_from<Module> M>
  Sequential& add(std::string name, M layer) {
    return add(Child(std::move(name), std::move(layer)));
  }
  template <std::derived_from<Module> M>
  Sequential& add(M layer) {  // named by its place: "0", "1", ...
    return add(std::to_string(children().size()), std::move(layer));
  }

  std::string type() const override { return "Sequential"; }
  Tensor forward(const Tensor& x) override { return run(x, nullptr); }
  // relu(forward(x) + past), or without ReLU; in the last layer's own pass where it can do that.
  Tensor forward_added(const Tensor& x, const Tensor& past, bool relu);
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  Shape trace(const Shape& input, const ShapeObserver& see) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Sequential>(*this); }

 private:
  // What the children from `next` on ask to be done after a layer, and how many children that is.
  struct Following {
    Epilogue epilogue;
    std::size_t layers = 0;
  };
  Tensor run(const Tensor& x, const Epilogue* sum);
  Following following(std::size_t next, const Fusing& layer, const Shape& input) const;
};

}  // namespace espalier::layers
