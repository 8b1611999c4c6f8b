// Report: the page and its pictures, written.
#pragma once

#include <string>
#include <vector>

#include "examples/cli/report_facts.h"

namespace espalier::cli {

struct ReportPaths {
  std::string page;
  std::vector<std::string> pictures;
};

// "dir/net.safetensors": "dir/net.report.html"
std::string report_path(const std::string& model_path);

// Writes the page to `out`, and its pictures as files of their own into a folder beside it: for
// "report.html" into "report/". An Error that names the file or folder that cannot be written.
ReportPaths write_report(const ReportFacts& facts, const std::string& out);

}  // namespace espalier::cli
