// The lessons of the course: each runs on a small data set and prints what its head says, every
// word of it; figures may be others.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli.h"

namespace espalier::testing {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> lessons() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator("examples"))
    if (std::regex_match(entry.path().filename().string(), std::regex("[0-9][0-9]_.*\\.cpp")))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

// A line without its figures, bars and blanks: words and punctuation.
std::string words(const std::string& line) {
  static const std::regex number("[-+]?[0-9][0-9.,]*(e[-+]?[0-9]+)?|nan|inf"), bars("[# .*-]+");
  return std::regex_replace(std::regex_replace(line, number, ""), bars, " ");
}

// The lines after "Prints:" in the head; a line of "..." stands for any lines.
std::vector<std::string> promised(const std::string& source) {
  std::istringstream text(source);
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(text, line) && line.starts_with("//");) {
    if (inside && line.size() > 3) found.push_back(line.substr(2));
    if (line == "// Prints:") inside = true;
  }
  return found;
}

// Whether the promised lines come in the output, in this order, next to each other but for "...".
std::string missing_line(const std::vector<std::string>& wanted, const std::string& output) {
  std::vector<std::string> lines;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);)
    if (words(line).find_first_not_of(' ') != std::string::npos || !line.empty())
      lines.push_back(words("   " + line));
  std::size_t at = 0;
  bool anywhere = true;
  for (const std::string& line : wanted) {
    if (line.find_first_not_of(" .") == std::string::npos) {
      anywhere = true;
      continue;
    }
    const auto found =
        std::find(lines.begin() + static_cast<std::ptrdiff_t>(at), lines.end(), words(line));
    if (found == lines.end()) return line;
    const auto place = static_cast<std::size_t>(found - lines.begin());
    if (!anywhere && place != at) return line;
    at = place + 1;
    anywhere = false;
  }
  return "";
}

}  // namespace

TEST_CASE("lessons: each runs and prints what its head says") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string programs = (fs::absolute(program_path()).parent_path() / "examples").string();
  for (const fs::path& lesson : lessons()) {
    CAPTURE(lesson.string());
    const std::string source = content(lesson.string());
    CHECK(lines(source) < 150);
    const std::vector<std::string> wanted = promised(source);
    CHECK(wanted.size() >= 3);
    const Outcome run = run_command("cd " + folder.path().string() + " && " + programs + "/" +
                                    lesson.stem().string() + " data");
    CAPTURE(run.err);
    CAPTURE(run.out);
    CHECK(run.status == 0);
    CHECK(missing_line(wanted, run.out) == "");
  }
}

}  // namespace espalier::testing
