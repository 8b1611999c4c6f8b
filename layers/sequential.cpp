// Sequential: running, with fusion, and shapes.
#include "layers/sequential.h"

#include "core/autograd.h"
#include "core/ops/activation.h"
#include "core/ops/elementwise.h"
#include "layers/activation.h"
#include "layers/norm.h"
#include "layers/observe.h"
#include "layers/pool.h"

namespace espalier::layers {
namespace {

bool halves(const Module& module) {
  const auto* pool = dynamic_cast<const MaxPool2d*>(&module);
  return pool && pool->options.kernel == 2 && pool->options.stride == 2 &&
         pool->options.padding == 0;
}

}  // namespace

Sequential& Sequential::add(Child layer) {
  children().push_back(std::move(layer));
  return *this;
}

Sequential::Following Sequential::following(std::size_t next, const Fusing& layer,
                                            const Shape& input) const {
  const auto& layers = children();
  Following result;
  // Takes the next child in, if the layer can do what it asks for together with the rest.
  const auto add = [&](const Epilogue& epilogue) {
    const bool can = layer.fuses(epilogue, input);
    if (can) result = {epilogue, result.layers + 1};
    return can;
  };
  const auto child = [&]() -> const Module* {
    const std::size_t i = next + result.layers;
    return i < layers.size() ? layers[i].module.get() : nullptr;
  };
  const auto* norm = grad_enabled() ? nullptr : dynamic_cast<const BatchNorm*>(child());
  if (norm && !norm->training()) add({.norm = norm});
  Epilogue epilogue = result.epilogue;
  epilogue.relu = true;
  if (!dynamic_cast<const ReLU*>(child()) || !add(epilogue)) return result;
  epilogue.max_pool = true;
  if (child() && halves(*child())) add(epilogue);
  return result;
}

Tensor Sequential::forward_added(const Tensor& x, const Tensor& past, bool with_relu) {
  const Epilogue sum{.addend = &past, .relu = with_relu};
  return run(x, &sum);
}

Tensor Sequential::run(const Tensor& x, const Epilogue* sum) {
  const auto& layers = children();
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto* layer = Observe::active() ? nullptr : dynamic_cast<Fusing*>(layers[i].module.get());
    const Following fused = layer ? following(i + 1, *layer, y.shape()) : Following{};
    if (layer && sum && !grad_enabled() && i + fused.layers + 1 == layers.size() &&
        !fused.epilogue.relu) {
      const Epilogue all{.norm = fused.epilogue.norm, .addend = sum->addend, .relu = sum->relu};
      if (layer->fuses(all, y.shape())) return layer->forward_fused(y, all);
    }
    y = fused.layers ? layer->forward_fused(y, fused.epilogue) : (*layers[i].module)(y);
    i += fused.layers;
  }
  if (!sum) return y;
  y = espalier::add(y, *sum->addend);
  return sum->relu ? relu(y) : y;
}

Shape Sequential::output_shape(const Shape& input) const {
  Shape shape = input;
  for (const Child& child : children()) shape = child.module->output_shape(shape);
  return shape;
}

Shape Sequential::trace(const Shape& input, const ShapeObserver& see) {
  Shape shape = input;
  for (const Child& child : children()) shape = child.module->trace(shape, see);
  return shape;
}

Channels Sequential::pass_channels(ChannelWalk& walk, const Channels& in) {
  Channels flow = in;
  for (const Child& child : children()) flow = child.module->pass_channels(walk, flow);
  return flow;
}

}  // namespace espalier::layers
