// Sequential: running, with fusion, and shapes.
#include "layers/sequential.h"

#include "layers/activation.h"
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
  const Epilogue relu{.relu = true}, both{.relu = true, .max_pool = true};
  const bool has_relu =
      next < layers.size() && dynamic_cast<const ReLU*>(layers[next].module.get());
  if (!has_relu || !layer.fuses(relu, input)) return {};
  const bool has_pool = next + 1 < layers.size() && halves(*layers[next + 1].module);
  if (!has_pool || !layer.fuses(both, input)) return {relu, 1};
  return {both, 2};
}

Tensor Sequential::forward(const Tensor& x) {
  const auto& layers = children();
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto* layer = Observe::active() ? nullptr : dynamic_cast<Fusing*>(layers[i].module.get());
    const Following fused = layer ? following(i + 1, *layer, y.shape()) : Following{};
    y = fused.layers ? layer->forward_fused(y, fused.epilogue) : (*layers[i].module)(y);
    i += fused.layers;
  }
  return y;
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

}  // namespace espalier::layers
