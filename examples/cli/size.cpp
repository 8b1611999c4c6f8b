// Size: counting, and printing.
#include "examples/cli/size.h"

#include <algorithm>
#include <cstdio>

#include "core/text.h"
#include "examples/cli/checkpoint.h"
#include "examples/cli/console.h"
#include "pruning/pruning.h"

namespace espalier::cli {

double WeightCount::share() const {
  return static_cast<double>(left) / static_cast<double>(std::max<std::int64_t>(original, 1));
}

WeightCount count_weights(const layers::Model& model) {
  struct Count : layers::StateVisitor {
    void parameter(const std::string&, Parameter& p, const Shape& dense) override {
      if (dense.rank() < 2) return;
      weights.original += dense.numel();
      weights.left += p.nonzero();
    }
    WeightCount weights;
  } count;
  layers::visit_state(model, count);
  if (const layers::Origin* origin = model.origin()) {
    count.weights.original = 0;
    for (const auto& [name, layer] : origin->layers) count.weights.original += layer.weights;
  }
  return count.weights;
}

std::string kind_of(const layers::Model& model) {
  if (model.origin() || !pruning::sparse_layers(model).empty()) return "compact";
  const std::vector<Parameter> parameters = model.parameters();
  const bool masked = std::any_of(parameters.begin(), parameters.end(),
                                  [](const Parameter& p) { return p.mask() != nullptr; });
  return masked ? "masked" : "dense";
}

std::string state_of(const layers::Model& model) {
  const std::string kind = kind_of(model);
  if (kind == "dense") return kind;
  const WeightCount weights = count_weights(model);
  return kind + ", " + percent(weights.share()) + " of the original network's " +
         with_commas(weights.original) + " weights";
}

Size size_of(const layers::Model& model, const std::string& file) {
  return {layers::summary(model), kind_of(model),   state_of(model),
          count_weights(model),   file_bytes(file), layers::footprint(model)};
}

Json json_of(const Size& size) {
  const layers::LayerSummary& total = size.summary.total;
  return {{"parameters", total.parameters},
          {"nonzero", total.nonzero},
          {"macs", total.macs.dense},
          {"macs_nonzero", total.macs.nonzero},
          {"bytes", size.bytes},
          {"memory", size.memory.total()},
          {"kind", size.kind},
          {"weights_original", size.weights.original},
          {"weights_nonzero", size.weights.left}};
}

std::string text_of(const Size& size) {
  const layers::LayerSummary& total = size.summary.total;
  return with_commas(total.parameters) + " parameters, " + with_commas(total.nonzero) +
         " of them not zero; " + with_commas(total.macs.dense) + " multiply-adds an image, " +
         with_commas(total.macs.nonzero) + " of them with weights that are not zero; " +
         with_commas(size.bytes) + " bytes, " + with_commas(size.memory.total()) +
         " in memory when it runs" + (size.kind == "dense" ? "" : "; " + size.state);
}

std::string side_by_side(const std::vector<std::pair<std::string, Size>>& sizes) {
  struct Row {
    const char* name;
    std::int64_t (*value)(const Size&);
  };
  constexpr Row kRows[] = {
      {"parameters", [](const Size& s) { return s.summary.total.parameters; }},
      {"not zero", [](const Size& s) { return s.summary.total.nonzero; }},
      {"multiply-adds", [](const Size& s) { return s.summary.total.macs.dense; }},
      {"of nonzeros", [](const Size& s) { return s.summary.total.macs.nonzero; }},
      {"bytes on disk", [](const Size& s) { return s.bytes; }},
      {"bytes in memory", [](const Size& s) { return s.memory.total(); }}};
  char cell[64];
  std::snprintf(cell, sizeof cell, "%-16s", "");
  std::string text = cell;
  for (const auto& [name, size] : sizes) {
    std::snprintf(cell, sizeof cell, " %15s       ", name.c_str());
    text += cell;
  }
  for (const Row& row : kRows) {
    std::snprintf(cell, sizeof cell, "\n%-16s", row.name);
    text += cell;
    const double first = static_cast<double>(std::max<std::int64_t>(row.value(sizes[0].second), 1));
    for (const auto& [name, size] : sizes) {
      const std::int64_t value = row.value(size);
      std::snprintf(cell, sizeof cell, " %15s %5.3f ", with_commas(value).c_str(),
                    static_cast<double>(value) / first);
      text += cell;
    }
  }
  return text + "\n";
}

}  // namespace espalier::cli
