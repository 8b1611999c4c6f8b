// Channels: units as a forest of joined ones, and what all layers' rules have in common.
#include "layers/channels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "layers/model.h"

namespace espalier::layers {
namespace {

// For each of the rows of a weight, whether anything of it is there.
std::vector<bool> rows_there(const Parameter& weight) {
  const Shape& dense = weight.dense_shape();
  const std::int64_t each = dense.numel() / std::max<std::int64_t>(dense[0], 1);
  std::vector<bool> there(static_cast<std::size_t>(dense[0]), false);
  const auto see = [&](std::int64_t i, std::int64_t element) {
    if (!there[element / each]) there[element / each] = !weight.is_removed(i);
  };
  if (weight.pattern())
    weight.pattern()->each(see);
  else
    for (std::int64_t i = 0; i < weight.numel(); ++i) see(i, i);
  return there;
}

// Of two that are not known: where the first of them was lost.
Constant earlier(const Constant& x, const Constant& y) {
  return {.lost = x.lost.empty() ? y.lost : x.lost};
}

}  // namespace

Constant Constant::of(float value) { return {.known = std::isfinite(value), .value = value}; }

Constant Constant::lost_in(const std::string& where) const {
  return {.lost = known ? where : lost};
}

ChannelWalk::ChannelWalk(const Model& model) {
  const NoGrad off;
  const Shape shape = model.batch_shape(1);
  values_.push_back({shape, fresh(shape[1]), std::vector<Constant>(shape[1]), {}});
  pin(values_[0].units, "the network's input");
  const std::vector<int> uses = model.graph().uses();
  for (const Node& node : model.nodes()) {
    std::vector<Channels> inputs;
    for (const Value value : node.inputs) {
      inputs.push_back(channels(value));
      if (value == kInput || uses[value] > 1) inputs.back().maker.clear();
    }
    values_.push_back(node.layer->pass_channels_all(*this, inputs));
  }
  pin(values_.back().units, "the network's outputs");
  read(values_.back());
}

Channels ChannelWalk::made(Module& layer, const Channels& in, const Product& product) {
  const Parameter &weight = product.weight, &bias = product.bias;
  read(in);
  readers_.emplace(layer.name(), Reader{layer, product, in.constants});
  attach(layer, weight, Part::Input, 1, joined_groups(in.units, product.groups));
  Channels out{layer.output_shape(in.shape), fresh(weight.dense_shape()[0]), {}, {}, layer.name()};
  joined_groups(out.units, product.groups);
  makers_.push_back({layer.name(), weight.dense_shape().rank() == 4, out.units});
  attach(layer, weight, Part::Weight, 0, out.units);
  attach(layer, bias, Part::Bias, 0, out.units);
  const std::vector<bool> there = rows_there(weight);
  for (std::size_t o = 0; o < there.size(); ++o)
    out.constants.push_back(there[o] ? Constant()
                                     : Constant::of(bias.defined() ? bias.data()[o] : 0));
  out.shown = {{layer.name(), out.units}};
  return out;
}

Channels ChannelWalk::filtered(Module& layer, const Channels& in, const Product& product) {
  const Parameter &weight = product.weight, &bias = product.bias;
  const std::int64_t outputs = weight.dense_shape()[0], each = outputs / in.count();
  const std::int64_t taps = weight.dense_shape().numel() / outputs;
  const std::vector<bool> there = rows_there(weight);
  const std::string where = "is read by " + layer.label() + ", a convolution with padding";
  std::vector<int> units;
  Channels out{layer.output_shape(in.shape), {}, {}, {}};
  for (std::int64_t o = 0; o < outputs; ++o) {
    units.push_back((*in.units)[o / each]);
    const Constant& x = in.constants[o / each];
    const float shift = bias.defined() ? bias.data()[o] : 0;
    if (!there[o] || (x.known && x.value == 0)) {
      out.constants.push_back(Constant::of(shift));
    } else if (x.known && !product.padded && !weight.pattern()) {
      double sum = shift;
      for (std::int64_t k = 0; k < taps; ++k) sum += double{x.value} * weight.data()[o * taps + k];
      out.constants.push_back(Constant::of(static_cast<float>(sum)));
    } else {
      out.constants.push_back(x.lost_in(where));
    }
  }
  out.units = std::make_shared<const std::vector<int>>(std::move(units));
  attach(layer, weight, Part::Weight, 0, out.units, true);
  attach(layer, bias, Part::Bias, 0, out.units);
  out.shown = {{layer.name(), out.units}};
  return out;
}

Channels ChannelWalk::passed(const Module& layer, const Channels& in) const {
  return {layer.output_shape(in.shape), in.units, in.constants, in.shown};
}

Channels ChannelWalk::changed(const Module& layer, const Channels& in) const {
  Channels out = passed(layer, in);
  out.shown = {{layer.name(), out.units}};
  return out;
}

Channels ChannelWalk::opaque(const Module& layer, std::span<const Channels> inputs) {
  const std::string why = "next to " + layer.label() + ", a " + layer.type();
  std::vector<Shape> shapes;
  for (const Channels& in : inputs) {
    read(in);
    pin(in.units, why);
    shapes.push_back(in.shape);
  }
  const Shape shape = layer.output_shape_all(shapes);
  Channels out{shape, fresh(shape[1]), std::vector<Constant>(shape[1]), {}};
  pin(out.units, why);
  out.shown = {{layer.name(), out.units}};
  return out;
}

// The units of one group, joined with those at the same places of the others.
Units ChannelWalk::joined_groups(const Units& units, int groups) {
  if (groups == 1) return units;
  const std::size_t size = units->size() / static_cast<std::size_t>(groups);
  for (std::size_t i = size; i < units->size(); ++i) join((*units)[i], (*units)[i % size]);
  return std::make_shared<const std::vector<int>>(units->begin(), units->begin() + size);
}

template <class Rule>
Channels ChannelWalk::joined(const Channels& a, const Channels& b, const Rule& rule) {
  Channels out{a.shape, a.units, {}, a.shown};
  out.shown.insert(out.shown.end(), b.shown.begin(), b.shown.end());
  for (std::size_t c = 0; c < a.units->size(); ++c) {
    join((*a.units)[c], (*b.units)[c]);
    out.constants.push_back(rule(a.constants[c], b.constants[c]));
  }
  return out;
}

Channels ChannelWalk::sum(const Module& layer, const Channels& a, const Channels& b) {
  return joined(a, b, [&](const Constant& x, const Constant& y) {
    if (x.known && y.known) return Constant::of(x.value + y.value);
    if (!(x.known && x.value != 0) && !(y.known && y.value != 0)) return earlier(x, y);
    return Constant{.lost = "is added to what is no constant in " + layer.label()};
  });
}

Channels ChannelWalk::product(const Module& layer, const Channels& a, const Channels& b) {
  return joined(a, b, [&](const Constant& x, const Constant& y) {
    if (x.known && y.known) return Constant::of(x.value * y.value);
    if ((x.known && x.value == 0) || (y.known && y.value == 0)) return Constant::of(0);
    if (!x.known && !y.known) return earlier(x, y);
    return Constant{.lost = "is multiplied by what is no constant in " + layer.label()};
  });
}

Channels ChannelWalk::concatenation(const Module& layer, std::span<const Channels> inputs) {
  std::vector<Shape> shapes;
  std::vector<int> units;
  Channels out;
  for (const Channels& in : inputs) {
    shapes.push_back(in.shape);
    units.insert(units.end(), in.units->begin(), in.units->end());
    out.constants.insert(out.constants.end(), in.constants.begin(), in.constants.end());
    out.shown.insert(out.shown.end(), in.shown.begin(), in.shown.end());
  }
  out.shape = layer.output_shape_all(shapes);
  out.units = std::make_shared<const std::vector<int>>(std::move(units));
  return out;
}

void ChannelWalk::vary(Channels& channels, const std::string& where) {
  for (Constant& c : channels.constants)
    if (!c.known || c.value != 0) c = c.lost_in(where);
}

void ChannelWalk::attach(const Module& layer, const Parameter& parameter, Part part, int dim,
                         const Units& units, bool passes) {
  if (parameter.defined()) attached_.push_back({layer.name(), parameter, part, dim, units, passes});
}

void ChannelWalk::join(int unit, int other) {
  const int a = find(unit), b = find(other);
  if (a == b) return;
  parent_[std::max(a, b)] = std::min(a, b);
  const std::string why = pinned(std::max(a, b));
  if (!why.empty()) pinned_.emplace(std::min(a, b), why);
}

void ChannelWalk::pin(const Units& units, const std::string& why) {
  for (const int unit : *units) pinned_.emplace(find(unit), why);  // the first reason stays
}

void ChannelWalk::set_norm(const Channels& in, BatchNorm& norm) {
  if (!in.maker.empty()) readers_.at(in.maker).norm = &norm;
}

int ChannelWalk::find(int unit) const {
  while (parent_[unit] != unit) unit = parent_[unit];
  return unit;
}

const std::string& ChannelWalk::pinned(int unit) const {
  static const std::string free;
  const auto found = pinned_.find(find(unit));
  return found == pinned_.end() ? free : found->second;
}

Units ChannelWalk::fresh(std::int64_t count) {
  std::vector<int> units(static_cast<std::size_t>(count));
  std::iota(units.begin(), units.end(), this->units());
  parent_.insert(parent_.end(), units.begin(), units.end());
  return std::make_shared<const std::vector<int>>(std::move(units));
}

void ChannelWalk::read(const Channels& in) {
  for (const Shown& shown : in.shown)
    if (std::none_of(shown_.begin(), shown_.end(),
                     [&](const Shown& s) { return s.layer == shown.layer; }))
      shown_.push_back(shown);
}

}  // namespace espalier::layers
