// A walk that knows the shapes, for blocks as well as for single layers.
#include "pruning/depth.h"

#include <algorithm>

#include "core/error.h"
#include "layers/layers.h"
#include "pruning/leaving.h"

namespace espalier::pruning {
namespace {

bool is_plain(const layers::Module& layer) {
  return layer.type() == "Conv2d" || layer.type() == "Linear";
}

std::vector<std::string> leaves_of(layers::Module& module) {
  std::vector<std::string> names;
  layers::walk(module, [&](layers::Module& below) {
    if (below.children().empty()) names.push_back(below.name());
  });
  return names;
}

// Whether the main path is masked to the last parameter.
bool is_silent(layers::Residual& block) {
  struct Look : layers::StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape&) override {
      any = true;
      const std::uint8_t* mask = p.mask();
      silent = silent && mask && std::find(mask, mask + p.numel(), 1) == mask + p.numel();
    }
    bool any = false, silent = true;
  } look;
  layers::visit_state(block.main(), look);
  return look.any && look.silent;
}

class Walk {
 public:
  explicit Walk(const layers::Model& model) { pass(model.root(), model.batch_shape(1)); }

  std::vector<Removable> found;
  std::int64_t gone = 0;

 private:
  Shape pass(layers::Module& module, const Shape& in) {
    if (auto* block = dynamic_cast<layers::Residual*>(&module)) {
      const Shape out = block->output_shape(in);
      if (is_silent(*block))
        ++gone;
      else
        found.push_back({block->name(), true, out, leaves_of(block->main())});
      return out;
    }
    if (auto* sequential = dynamic_cast<layers::Sequential*>(&module)) {
      Shape shape = in;
      const auto& children = sequential->children();
      for (std::size_t i = 0; i < children.size(); ++i) {
        const Shape out = pass(*children[i].module, shape);
        see(*children[i].module, shape, out,
            i + 1 < children.size() ? children[i + 1].module.get() : nullptr,
            i > 0 ? children[i - 1].module.get() : nullptr);
        shape = out;
      }
      return shape;
    }
    return module.output_shape(in);
  }

  void see(const layers::Module& layer, const Shape& in, const Shape& out,
           const layers::Module* next, const layers::Module* last) {
    if (layer.type() == "Identity" && !(last && last->type() == "Identity")) ++gone;
    if (!is_plain(layer) || !(in == out)) return;
    Removable removable{layer.name(), false, out, {layer.name()}};
    if (next && next->type() == "BatchNorm") removable.layers.push_back(next->name());
    found.push_back(removable);
  }
};

// The last convolution or linear layer: its outputs are the network's.
std::string last_layer(const layers::Model& model) {
  std::string last;
  model.root().trace(model.batch_shape(1), [&](layers::Module& leaf, const Shape&, const Shape&) {
    if (is_plain(leaf)) last = leaf.name();
  });
  return last;
}

}  // namespace

std::vector<Removable> removable_layers(const layers::Model& model) {
  Walk walk(model);
  const std::string last = last_layer(model);
  std::erase_if(walk.found, [&](const Removable& r) { return r.name == last; });
  return walk.found;
}

std::vector<std::string> silent_blocks(const layers::Model& model) {
  std::vector<std::string> names;
  layers::walk(model.root(), [&](layers::Module& module) {
    auto* block = dynamic_cast<layers::Residual*>(&module);
    if (block && is_silent(*block) && &model.find(block->name()) == block)
      names.push_back(block->name());
  });
  return names;
}

std::int64_t removed_layers(const layers::Model& model) {
  return Walk(model).gone + (model.origin() ? model.origin()->left.layers : 0);
}

void remove_layer(const layers::Model& model, const Removable& layer) {
  if (!layer.block) {
    Leaving leaving(model);
    for (const std::string& name : layer.layers)
      model.replace(name, std::make_shared<layers::Identity>());
    leaving.done();
    return;
  }
  auto& block = dynamic_cast<layers::Residual&>(model.find(layer.name));
  struct Silence : layers::StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape&) override {
      p.set_mask(std::vector<std::uint8_t>(p.numel(), 0));
    }
  } silence;
  layers::visit_state(block.main(), silence);
}

}  // namespace espalier::pruning
