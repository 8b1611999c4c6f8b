// The table of all figures of a report.
#include <cmath>
#include <cstdio>

#include "core/text.h"
#include "examples/cli/report_page.h"
#include "examples/cli/report_words.h"

namespace espalier::cli {
namespace {

std::string rate_text(double images_per_second) {
  return images_per_second > 0 ? with_commas(std::llround(images_per_second)) : "";
}

std::string loss_text(double loss) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", loss);
  return std::isfinite(loss) ? text : "";
}

}  // namespace

std::vector<ReportRow> report_rows(const ReportFacts& facts) {
  std::vector<ReportRow> rows;
  const auto add = [&](const std::string& name, auto value) {
    ReportRow row{name, {}};
    for (const ReportFile& file : facts.files) row.values.push_back(value(file));
    rows.push_back(std::move(row));
  };
  const auto count = [&](const std::string& name, std::int64_t ReportFile::*member) {
    add(name, [member](const ReportFile& f) { return with_commas(f.*member); });
  };
  add("Kind", [](const ReportFile& f) { return f.kind; });
  add("Accuracy", accuracy_text);
  add("Accuracy before fine-tuning", [](const ReportFile& f) {
    return f.log.just_pruned() ? percent_text(*f.log.just_pruned(), 2) : "";
  });
  add("Loss", [](const ReportFile& f) { return loss_text(f.loss); });
  add("Test pictures",
      [](const ReportFile& f) { return f.images ? with_commas(f.images) : std::string(); });
  add("Weights gone, of the original network's",
      [](const ReportFile& f) { return percent_text(f.gone(), 2); });
  count("Parameters", &ReportFile::parameters);
  count("Parameters not zero", &ReportFile::nonzero);
  count("Multiply-adds a picture", &ReportFile::macs);
  count("Multiply-adds of nonzero weights", &ReportFile::macs_nonzero);
  count("Multiply-adds that are run", &ReportFile::macs_run);
  count("Bytes on disk", &ReportFile::bytes);
  count("Bytes in memory", &ReportFile::memory);
  if (facts.batch > 0) {
    const std::string pictures = std::to_string(facts.batch) + " pictures";
    add("Milliseconds for " + pictures,
        [](const ReportFile& f) { return ms_text(ms_of(*f.speed)); });
    add("Pictures a second, answering",
        [](const ReportFile& f) { return rate_text(f.speed->inference); });
    if (facts.training)
      add("Pictures a second, training",
          [](const ReportFile& f) { return rate_text(f.speed->training); });
  }
  add("Seed", [](const ReportFile& f) { return f.log.seed ? std::to_string(*f.log.seed) : ""; });
  add("Trained on", [](const ReportFile& f) { return f.log.data; });
  add("Evaluated on", [](const ReportFile& f) { return f.evaluated_on; });
  return rows;
}

}  // namespace espalier::cli
