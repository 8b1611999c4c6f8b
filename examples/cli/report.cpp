// Report: writing.
#include "examples/cli/report.h"

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "examples/cli/report_page.h"

namespace espalier::cli {

namespace fs = std::filesystem;

std::string report_path(const std::string& model_path) {
  return fs::path(model_path).replace_extension(".report.html").string();
}

ReportPaths write_report(const ReportFacts& facts, const std::string& out) {
  const std::vector<ReportSection> sections = report_sections(facts);
  const fs::path folder = fs::path(out).replace_extension("");
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error && fs::is_directory(folder), folder.string(),
        ": found what is no folder and cannot be made one, expected one for the pictures");
  ReportPaths paths{out, {}};
  for (const ReportSection& section : sections)
    for (const ReportPicture& picture : section.pictures) {
      paths.pictures.push_back((folder / picture.name).string());
      write_file(paths.pictures.back(), picture.svg(charts::Place::File));
    }
  write_file(out, report_page(facts, sections));
  return paths;
}

}  // namespace espalier::cli
