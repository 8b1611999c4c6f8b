// Accuracy: along the way where logs tell of it, else as bars.
#include <algorithm>

#include "examples/charts/bars.h"
#include "examples/cli/report_charts.h"
#include "examples/cli/report_words.h"

namespace espalier::cli {
namespace {

std::string fine_tuning_words(const ReportFacts& facts) {
  for (const ReportFile& file : facts.files)
    if (const auto before = file.log.just_pruned())
      return "Just after pruning, " + file.name + " had " + percent_text(*before, 2) +
             (file.log.epochs.empty()
                  ? ", not trained on"
                  : "; trained on, " + percent_text(file.log.epochs.back().test_accuracy, 2));
  return "";
}

// Where the epochs' accuracies are of other pictures than those of the table.
std::string other_pictures(const ReportFacts& facts) {
  for (const ReportFile& file : facts.files)
    if (!file.log.epochs.empty() && file.accuracy && file.evaluated_on != file.log.data)
      return " The pictures are " + file.log.data +
             "'s; the other accuracies on this page are of " + file.evaluated_on + ".";
  return "";
}

}  // namespace

std::vector<charts::ChartSeries> accuracy_series(const ReportFacts& facts) {
  std::vector<charts::ChartSeries> result;
  const auto& first = facts.first().log.epochs;
  for (const ReportFile& file : facts.files) {
    const LogFacts& log = file.log;
    charts::ChartSeries series{.name = file.name};
    const bool pruned = log.event == "prune" && !log.from_beginning && log.dense;
    // From the first file, where it began with that one's accuracy.
    const bool joined = pruned && &file != &facts.first() && !first.empty() &&
                        *log.dense == first.back().test_accuracy &&
                        same_network(facts.first(), file);
    const double begin = joined ? first.back().epoch : 0;
    if (pruned) series.points.push_back({begin, *log.dense});
    if (log.just_pruned() && log.before_epochs)
      series.points.push_back({begin + *log.before_epochs, *log.just_pruned()});
    for (const LogFacts::Epoch& epoch : log.epochs)
      series.points.push_back({begin + epoch.epoch, epoch.test_accuracy});
    std::stable_sort(
        series.points.begin(), series.points.end(),
        [](const charts::ChartPoint& a, const charts::ChartPoint& b) { return a.x < b.x; });
    result.push_back(std::move(series));
  }
  return result;
}

ReportSection accuracy_section(const ReportFacts& facts) {
  ReportSection section{.title = "Accuracy along the way", .caption = ""};
  charts::Chart chart{.title = "Accuracy on the test pictures",
                      .x = {.label = "Epochs of training", .include = 0},
                      .y = {.label = "", .percent = true},
                      .series = accuracy_series(facts),
                      .width = 270,
                      .height = 220};
  if (std::any_of(chart.series.begin(), chart.series.end(),
                  [](const charts::ChartSeries& s) { return !s.points.empty(); })) {
    const std::string words = fine_tuning_words(facts);
    section.caption = (words.empty() ? "The accuracy after every epoch" : words) +
                      ". The scale need not begin at 0 %." + other_pictures(facts);
    section.pictures.push_back(picture("accuracy.svg", std::move(chart)));
    return section;
  }
  charts::Bars bars{.title = "Accuracy on the test pictures", .groups = {{}}, .whole = 1};
  for (std::size_t i = 0; i < facts.files.size(); ++i)
    if (const ReportFile& file = facts.files[i]; file.accuracy)
      bars.groups[0].bars.push_back({file.name, *file.accuracy, accuracy_text(file), i});
  if (bars.groups[0].bars.empty()) return section;
  section.caption = "A bar from end to end is 100 %; there is no log of the epochs on the way.";
  section.pictures.push_back(picture("accuracy.svg", std::move(bars)));
  return section;
}

}  // namespace espalier::cli
