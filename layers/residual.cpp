// Residual: running and shapes.
#include "layers/residual.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "layers/activation.h"
#include "layers/observe.h"

namespace espalier::layers {

Residual::Residual(Sequential main, Sequential shortcut, const ResidualOptions& options) {
  children().emplace_back("", std::move(main));
  if (!shortcut.children().empty()) children().emplace_back("shortcut", std::move(shortcut));
  if (options.relu) children().emplace_back("relu", ReLU());
}

Residual::Residual(std::vector<Child> given) {
  check(!given.empty() && given[0].name.empty(),
        "Residual: found no main path, expected a first child with an empty name");
  for (std::size_t i = 1; i < given.size(); ++i)
    check(given[i].name == "shortcut" || given[i].name == "relu", "Residual: found a child named '",
          given[i].name, "', expected 'shortcut' or 'relu'");
  children() = std::move(given);
}

Module* Residual::find(const char* name) const {
  for (const Child& child : children())
    if (child.name == name) return child.module.get();
  return nullptr;
}

Tensor Residual::forward(const Tensor& x) {
  auto* path = dynamic_cast<Sequential*>(&main());
  const bool adds = !relu() || dynamic_cast<ReLU*>(relu());
  if (path && adds && !grad_enabled() && !Observe::active()) {
    const Tensor past = shortcut() ? (*shortcut())(x) : x;
    check_sum(path->output_shape(x.shape()), past.shape());
    return path->forward_added(x, past, relu());
  }
  const Tensor through = main()(x);
  const Tensor past = shortcut() ? (*shortcut())(x) : x;
  check_sum(through.shape(), past.shape());
  const Tensor sum = add(through, past);
  return relu() ? (*relu())(sum) : sum;
}

Shape Residual::output_shape(const Shape& input) const {
  const Shape sum = main().output_shape(input);
  check_sum(sum, shortcut() ? shortcut()->output_shape(input) : input);
  return relu() ? relu()->output_shape(sum) : sum;
}

Shape Residual::trace(const Shape& input, const ShapeObserver& see) {
  const Shape sum = main().trace(input, see);
  check_sum(sum, shortcut() ? shortcut()->trace(input, see) : input);
  return relu() ? relu()->trace(sum, see) : sum;
}

Channels Residual::pass_channels(ChannelWalk& walk, const Channels& given) {
  Channels in = given;
  in.maker = "";  // both paths take it
  const Channels through = main().pass_channels(walk, in);
  if (std::all_of(through.constants.begin(), through.constants.end(),
                  [](const Constant& c) { return c.known && c.value == 0; }))
    walk.set_silent(*this);
  const Channels sum =
      walk.sum(*this, through, shortcut() ? shortcut()->pass_channels(walk, in) : in);
  return relu() ? relu()->pass_channels(walk, sum) : sum;
}

void Residual::check_sum(const Shape& main, const Shape& shortcut) const {
  if (!(main == shortcut)) [[unlikely]]
    fail(label(), ": found ", main.str(), " from the main path and ", shortcut.str(),
         " from the shortcut, expected equal shapes");
}

}  // namespace espalier::layers
