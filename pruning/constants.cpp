// A walk through the network in which every channel carries its constant.
#include "pruning/constants.h"

#include <cmath>
#include <utility>

#include "core/autograd.h"
#include "layers/layers.h"
#include "pruning/slices.h"

namespace espalier::pruning {
namespace {

using Channels = std::vector<Constant>;

Constant known(float value) { return {.known = std::isfinite(value), .value = value}; }

// What becomes of a constant that meets something which makes it vary.
Constant lost(const Constant& constant, const std::string& where) {
  return {.lost = constant.known ? where : constant.lost};
}

struct Flow {
  Channels channels;
  Shape shape;
  std::string maker;  // the convolution or linear layer whose bare output this is, and only here
};

class Walk {
 public:
  explicit Walk(const layers::Model& model) {
    const Shape input = model.batch_shape(1);
    pass(model.root(), {Channels(input[1]), input, ""});
  }

  Constants found;

 private:
  Flow pass(layers::Module& module, const Flow& in) {
    if (auto* sequential = dynamic_cast<layers::Sequential*>(&module)) {
      Flow flow = in;
      for (const layers::Child& child : sequential->children()) flow = pass(*child.module, flow);
      return flow;
    }
    if (auto* residual = dynamic_cast<layers::Residual*>(&module)) return add(*residual, in);
    Flow out{in.channels, module.output_shape(in.shape), ""};
    if (auto* conv = dynamic_cast<layers::Conv2d*>(&module))
      return produce(module, in, std::move(out), conv->weight, conv->bias);
    if (auto* linear = dynamic_cast<layers::Linear*>(&module))
      return produce(module, in, std::move(out), linear->weight, linear->bias);
    if (auto* norm = dynamic_cast<layers::BatchNorm*>(&module))
      return normalise(*norm, in, std::move(out));
    if (auto* activation = dynamic_cast<layers::Activation*>(&module))
      return activate(*activation, std::move(out));
    if (dynamic_cast<layers::Flatten*>(&module)) return flatten(in, std::move(out));
    if (auto* pool = dynamic_cast<layers::AvgPool2d*>(&module))
      return pool->options.padding > 0
                 ? vary(std::move(out), "is averaged with the padding of " + module.label())
                 : out;
    if (dynamic_cast<layers::MaxPool2d*>(&module) || dynamic_cast<layers::GlobalAvgPool*>(&module))
      return out;
    if (dynamic_cast<layers::Dropout*>(&module))
      return vary(std::move(out), "goes through " + module.label() + ", a dropout");
    out.channels.assign(out.shape[1], {});
    return out;
  }

  Flow produce(layers::Module& layer, const Flow& in, Flow out, const Parameter& weight,
               const Parameter& bias) {
    found.readers[layer.name()] = {&layer, in.channels};
    const std::int64_t units = weight.size(0), each = weight.numel() / units;
    const Kept speaks =
        alive({.parameter = weight, .layer = "", .extent = units, .inner = each}, units);
    out.channels.assign(units, {});
    for (std::int64_t o = 0; o < units; ++o)
      if (!speaks[o]) out.channels[o] = known(bias.defined() ? bias.data()[o] : 0);
    out.maker = layer.name();
    return out;
  }

  Flow normalise(layers::BatchNorm& norm, const Flow& in, Flow out) {
    if (!in.maker.empty()) found.readers[in.maker].norm = &norm;
    for (std::size_t c = 0; c < out.channels.size(); ++c) {
      const auto i = static_cast<std::int64_t>(c);
      out.channels[c] =
          is_gone(norm.weight, i)
              ? known(norm.bias.data()[c])
              : lost(in.channels[c], "goes into " + norm.label() + ", whose scale is not gone");
    }
    return out;
  }

  Flow activate(layers::Activation& activation, Flow out) {
    std::vector<float> values;
    for (const Constant& c : out.channels) values.push_back(c.known ? c.value : 0);
    const auto count = static_cast<std::int64_t>(values.size());
    values = activation.forward(Tensor::from({1, count}, values)).to_vector();
    for (std::size_t c = 0; c < values.size(); ++c)
      if (out.channels[c].known) out.channels[c] = known(values[c]);
    return out;
  }

  static Flow flatten(const Flow& in, Flow out) {
    const std::int64_t pixels = out.shape[1] / in.shape[1];
    out.channels.clear();
    for (const Constant& c : in.channels) out.channels.insert(out.channels.end(), pixels, c);
    return out;
  }

  // Only zero stays what it is.
  static Flow vary(Flow out, const std::string& where) {
    for (Constant& c : out.channels)
      if (!c.known || c.value != 0) c = lost(c, where);
    return out;
  }

  static Constant sum(const Constant& a, const Constant& b, const std::string& where) {
    if (a.known && b.known) return known(a.value + b.value);
    if ((a.known && a.value != 0) || (b.known && b.value != 0)) return {.lost = where};
    return {.lost = a.lost.empty() ? b.lost : a.lost};
  }

  Flow add(layers::Residual& block, const Flow& given) {
    const Flow in{given.channels, given.shape, ""};  // both paths take it
    Flow out = pass(block.main(), in);
    bool silent = true;
    for (const Constant& c : out.channels) silent = silent && c.known && c.value == 0;
    if (silent) found.silent_blocks.insert(&block);
    const Flow past = block.shortcut() ? pass(*block.shortcut(), in) : in;
    const std::string where = "is added to what is no constant in " + block.label();
    for (std::size_t i = 0; i < out.channels.size(); ++i)
      out.channels[i] = sum(out.channels[i], past.channels[i], where);
    out.maker = "";
    return block.relu() ? pass(*block.relu(), out) : out;
  }
};

}  // namespace

Constants constants(const layers::Model& model) {
  const NoGrad off;
  return Walk(model).found;
}

}  // namespace espalier::pruning
