// The report as one HTML page that needs nothing else: its pictures are within it, and it follows
// the reader's light or dark scheme and width.
#pragma once

#include <string>
#include <vector>

#include "examples/cli/report_charts.h"
#include "examples/cli/report_facts.h"

namespace espalier::cli {

std::string report_page(const ReportFacts& facts, const std::vector<ReportSection>& sections);

// A row of the table of figures: what, and for each file in words; "" where it is not known.
struct ReportRow {
  std::string name;
  std::vector<std::string> values;
};
std::vector<ReportRow> report_rows(const ReportFacts& facts);

}  // namespace espalier::cli
