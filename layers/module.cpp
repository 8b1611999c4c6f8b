// Module: what all modules share.
#include "layers/module.h"

#include "core/error.h"
#include "layers/observe.h"

namespace espalier::layers {

Child::Child(std::string name, std::shared_ptr<Module> module)
    : name(std::move(name)), module(std::move(module)) {
  check(this->module != nullptr, "layer ", this->name, ": found none, expected a module");
}

Tensor Module::operator()(const Tensor& x) {
  Tensor y = forward(x);
  if (children_.empty() && Observe::active()) Observe::show(*this, x, y);
  return y;
}

Shape Module::trace(const Shape& input, const ShapeObserver& see) {
  const Shape output = output_shape(input);
  see(*this, input, output);
  return output;
}

// Where nothing changes nothing is written: another thread may be running the network.
void Module::train(bool on) {
  if (training_ != on) training_ = on;
  for (Child& child : children_) child.module->train(on);
}

}  // namespace espalier::layers
