// Summary: collecting, and printing as a table.
#include "layers/summary.h"

#include <algorithm>
#include <cstdio>

#include "core/text.h"

namespace espalier::layers {
namespace {

struct Count : StateVisitor {
  void parameter(const std::string&, Parameter& p, const Shape&) override {
    parameters += p.numel();
    nonzero += p.nonzero();
    if (p.dense_shape().rank() > 1) weights += p.numel();
  }
  std::int64_t parameters = 0, nonzero = 0, weights = 0;
};

std::string line(const LayerSummary& layer, int name_width) {
  char text[256];
  std::snprintf(text, sizeof text, "%-*s %-14s %-20s %12s %12s %14s\n", name_width,
                layer.name.substr(0, 64).c_str(), layer.type.substr(0, 14).c_str(),
                layer.output.str().c_str(), with_commas(layer.parameters).c_str(),
                with_commas(layer.nonzero).c_str(), with_commas(layer.macs.dense).c_str());
  return text;
}

}  // namespace

Summary summary(const Model& model) { return summary(model, model.input_shape()); }

Summary summary(const Model& model, const Shape& input) {
  std::vector<std::int64_t> batch = input.sizes();
  batch.insert(batch.begin(), 1);
  Summary all;
  all.total.name = "total";
  all.total.input = Shape(batch);
  all.total.output =
      model.graph().trace(all.total.input, [&](Module& leaf, const Shape& from, const Shape& to) {
        Count count;
        leaf.state(count);
        all.layers.push_back({leaf.name(), leaf.type(), from, to, count.parameters, count.nonzero,
                              count.weights, leaf.macs(from)});
        all.total.parameters += count.parameters;
        all.total.nonzero += count.nonzero;
        all.total.weights += count.weights;
        all.total.macs.dense += all.layers.back().macs.dense;
        all.total.macs.nonzero += all.layers.back().macs.nonzero;
      });
  return all;
}

std::string Summary::table() const {
  std::size_t width = 5;
  for (const LayerSummary& layer : layers) width = std::max(width, layer.name.size());
  const int name_width = static_cast<int>(std::min<std::size_t>(width, 64));
  char head[256];
  std::snprintf(head, sizeof head, "%-*s %-14s %-20s %12s %12s %14s\n", name_width, "layer", "type",
                "output", "parameters", "nonzero", "MAC");
  std::string text = head;
  for (const LayerSummary& layer : layers) text += line(layer, name_width);
  return text + line(total, name_width);
}

}  // namespace espalier::layers
