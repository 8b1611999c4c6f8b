// Summary and origin: collecting, and printing as a table.
#include "layers/summary.h"

#include <algorithm>
#include <cstdio>

#include "core/text.h"

namespace espalier::layers {
namespace {

std::string line(int name_width, const std::string& name, const std::string& type,
                 const std::string& output, const std::string& parameters,
                 const std::string& nonzero, const std::string& macs) {
  char text[256];
  std::snprintf(text, sizeof text, "%-*s %-14s %-20s %12s %12s %14s\n", name_width,
                name.substr(0, 64).c_str(), type.substr(0, 14).c_str(), output.c_str(),
                parameters.c_str(), nonzero.c_str(), macs.c_str());
  return text;
}

std::string line(int name_width, const LayerSummary& layer) {
  return line(name_width, layer.name, layer.type, layer.output.str(), with_commas(layer.parameters),
              with_commas(layer.nonzero), with_commas(layer.macs.dense));
}

}  // namespace

Summary summary(const Model& model) { return summary(model, model.input_shape()); }

Summary summary(const Model& model, const Shape& input) {
  std::vector<std::int64_t> batch = input.sizes();
  batch.insert(batch.begin(), 1);
  Summary all;
  all.total.name = "total";
  all.total.input = Shape(batch);
  const auto see = [&](Module& layer, const Shape& from, const Shape& to) {
    LayerSummary one{.name = layer.name(), .type = layer.type(), .input = from, .output = to};
    for (const Parameter& p : parameters_of(layer)) {
      one.parameters += p.numel();
      one.nonzero += p.nonzero();
      if (p.dense_shape().rank() > 1) one.weights += p.numel();
    }
    one.macs = layer.macs(from);
    all.total.parameters += one.parameters;
    all.total.nonzero += one.nonzero;
    all.total.weights += one.weights;
    all.total.macs.dense += one.macs.dense;
    all.total.macs.nonzero += one.macs.nonzero;
    all.layers.push_back(std::move(one));
  };
  all.total.output = model.graph().trace(all.total.input, see);
  return all;
}

std::string Summary::table() const {
  std::size_t longest = 5;
  for (const LayerSummary& layer : layers) longest = std::max(longest, layer.name.size());
  const int width = static_cast<int>(std::min<std::size_t>(longest, 64));
  std::string text = line(width, "layer", "type", "output", "parameters", "nonzero", "MAC");
  for (const LayerSummary& layer : layers) text += line(width, layer);
  return text + line(width, total);
}

Origin measure(const Model& model) {
  Origin origin;
  model.graph().trace(model.batch_shape(1), [&](Module& layer, const Shape& input, const Shape&) {
    const Parameter weight = weight_of(layer);
    if (weight.defined())
      origin.layers[layer.name()] = {weight.dense_shape()[0], weight.dense_shape().numel(),
                                     layer.macs(input).dense};
  });
  return origin;
}

}  // namespace espalier::layers
