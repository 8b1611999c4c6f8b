// Residual: two paths from the same input whose results are added (He et al., 2016).
#pragma once

#include "layers/sequential.h"

namespace espalier::layers {

struct ResidualOptions {
  bool relu = true;  // after the sum
};

// y = relu(main(x) + shortcut(x)). An empty shortcut is the identity.
// The layers of the main path stand under the block's own name, those of the shortcut under
// "shortcut", as in PyTorch: layer2.0.conv1.weight, layer2.0.shortcut.0.weight.
// Children: the main path (named ""), "shortcut" where it is not empty, "relu" where it is asked
// for.
class Residual : public Module {
 public:
  explicit Residual(Sequential main, Sequential shortcut = {}, const ResidualOptions& options = {});
  explicit Residual(std::vector<Child> children);

  Module& main() const { return *children()[0].module; }
  Module* shortcut() const { return find("shortcut"); }  // null: the identity
  Module* relu() const { return find("relu"); }          // null: none

  std::string type() const override { return "Residual"; }
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  Channels pass_channels(ChannelWalk& walk, const Channels& in) override;
  Shape trace(const Shape& input, const ShapeObserver& see) override;
  std::shared_ptr<Module> copy() const override { return std::make_shared<Residual>(*this); }

 private:
  Module* find(const char* name) const;
  void check_sum(const Shape& main, const Shape& shortcut) const;
};

}  // namespace espalier::layers
