// The pictures of a report, each with the sentence that says what one sees.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "examples/charts/chart.h"
#include "examples/charts/svg.h"
#include "examples/cli/report_facts.h"

namespace espalier::cli {

struct ReportPicture {
  std::string name;  // of its file: "accuracy.svg"
  std::string svg(charts::Place place) const { return draw(place); }
  std::function<std::string(charts::Place)> draw;
};

// A chart keeps its facts, for it is drawn twice.
template <class Chart>
ReportPicture picture(const std::string& name, Chart chart) {
  return {name, [chart = std::move(chart)](charts::Place place) { return svg(chart, place); }};
}

// Pictures under one caption. A section is half as wide as the page, or as wide and its pictures
// stand side by side, many of them where they are small.
struct ReportSection {
  std::string title, caption;
  std::vector<ReportPicture> pictures = {};
  bool wide = false, small = false;
};

// Those for which there are facts.
std::vector<ReportSection> report_sections(const ReportFacts& facts);

// ---- Each, for report_sections; with no pictures where there is nothing to draw -----------------

ReportSection accuracy_section(const ReportFacts& facts);
ReportSection size_section(const ReportFacts& facts);
ReportSection sparsity_section(const ReportFacts& facts);
ReportSection map_section(const ReportFacts& facts);
ReportSection filter_section(const ReportFacts& facts);
ReportSection weight_section(const ReportFacts& facts);

// The lines of the chart of accuracies. A pruning that goes on from the first file begins where its
// training ended; what was measured just after pruning stands where the last of it went.
std::vector<charts::ChartSeries> accuracy_series(const ReportFacts& facts);

// Whether a file may be the first one's network with parts gone: it has no layer of another name,
// and none that was of another size before anything went.
bool same_network(const ReportFile& first, const ReportFile& file);
const ReportLayer* find_layer(const ReportFile& file, const std::string& name);

}  // namespace espalier::cli
