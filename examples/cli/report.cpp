// Report: writing.
#include "examples/cli/report.h"

#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "examples/cli/beside.h"
#include "examples/cli/report_page.h"

namespace espalier::cli {

namespace fs = std::filesystem;

std::string report_path(const std::string& model_path) {
  return beside(model_path, ".report.html");
}

ReportPaths write_report(const ReportFacts& facts, const std::string& out) {
  const std::vector<ReportSection> sections = report_sections(facts);
  const fs::path folder = fs::path(out).replace_extension("");
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error && fs::is_directory(folder), folder.string(),
        ": found what is no folder and cannot be made one, expected one for the pictures");
  ReportPaths paths{out, {}};
  std::set<std::string> taken;  // two names may differ in what a file's name does not keep
  for (const ReportSection& section : sections)
    for (const ReportPicture& picture : section.pictures) {
      fs::path name = picture.name;
      for (int i = 2; !taken.insert(name.string()).second; ++i)
        name = fs::path(picture.name).stem().string() + "-" + std::to_string(i) + ".svg";
      paths.pictures.push_back((folder / name).string());
      write_file(paths.pictures.back(), picture.svg(charts::Place::File));
    }
  write_file(out, report_page(facts, sections));
  return paths;
}

}  // namespace espalier::cli
