// Size: counting, and printing.
#include "examples/cli/size.h"

#include <algorithm>
#include <cstdio>

#include "core/text.h"
#include "examples/cli/checkpoint.h"

namespace espalier::cli {

Size size_of(const layers::Model& model, const std::string& file) {
  return {layers::summary(model), file_bytes(file), layers::footprint(model)};
}

Json json_of(const Size& size) {
  const layers::LayerSummary& total = size.summary.total;
  return {{"parameters", total.parameters},
          {"nonzero", total.nonzero},
          {"macs", total.macs.dense},
          {"macs_nonzero", total.macs.nonzero},
          {"bytes", size.bytes},
          {"memory", size.memory.total()}};
}

std::string text_of(const Size& size) {
  const layers::LayerSummary& total = size.summary.total;
  return with_commas(total.parameters) + " parameters, " + with_commas(total.nonzero) +
         " of them not zero; " + with_commas(total.macs.dense) + " multiply-adds an image, " +
         with_commas(total.macs.nonzero) + " of them with weights that are not zero; " +
         with_commas(size.bytes) + " bytes, " + with_commas(size.memory.total()) +
         " in memory when it runs";
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
