// Compaction: words, tables and JSON.
#include "examples/cli/compaction.h"

#include <cstdio>

#include "core/system.h"
#include "examples/cli/command_line.h"
#include "examples/cli/console.h"
#include "examples/cli/log.h"

namespace espalier::cli {

pruning::Format format_option(const std::string& word) {
  try {
    return pruning::format(word);
  } catch (const Error&) {
    throw UsageError("--format: found '" + word + "', expected dense, csr or auto");
  }
}

bool judged_by_training(const std::string& word) {
  check_option(word == "inference" || word == "training", "--judge", "'" + word + "'",
               "inference or training");
  return word == "training";
}

std::string text_of(const pruning::Compaction& compaction) {
  std::string text = compaction.table();
  char line[96];
  std::snprintf(line, sizeof line,
                "\nlargest difference of an output: %.1e of the largest output\n",
                compaction.max_error);
  return text + line;
}

void log_compaction(const pruning::Compaction& compaction, const layers::Model& model,
                    const std::string& model_path, const std::vector<std::string>& lines) {
  Json event{{"event", "compact"}, {"command", command_line()}, {"system", describe()}};
  event.update(json_of(compaction));
  Log log(model_path, lines);
  log.write(event, &model);
  log.commit();
}

Json json_of(const std::vector<pruning::LayerForm>& forms) {
  Json json = Json::array();
  for (const auto& form : forms)
    json.push_back({{"layer", form.layer},
                    {"density", form.density},
                    {"dense_ms", form.dense_ms},
                    {"sparse_ms", form.sparse_ms},
                    {"form", form.sparse ? "csr" : "dense"}});
  return json;
}

Json json_of(const pruning::Compaction& compaction) {
  Json units = Json::array();
  for (const auto& list : compaction.shrunk.lists)
    units.push_back({{"name", list.name},
                     {"before", list.before},
                     {"after", list.after},
                     {"folded", list.folded}});
  return {{"max_error", compaction.max_error},
          {"units", units},
          {"blocks", compaction.shrunk.blocks},
          {"forms", json_of(compaction.forms)}};
}

}  // namespace espalier::cli
