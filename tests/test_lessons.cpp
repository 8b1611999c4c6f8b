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
  static const std::regex number("[-+]?[0-9][0-9.,]*(e[-+]?[0-9]+)?|nan|inf"), bars("[# .*-]+"),
      ends("^ | $");
  const std::string text = std::regex_replace(std::regex_replace(line, number, ""), bars, " ");
  return std::regex_replace(text, ends, "");
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

// Lines that come next to each other, and whether others may come before them.
struct Block {
  std::vector<std::string> lines = {};
  bool anywhere = false;
};

std::vector<Block> blocks(const std::vector<std::string>& wanted) {
  std::vector<Block> found(1);
  for (const std::string& line : wanted)
    if (line.find_first_not_of(" .") == std::string::npos)
      found.push_back({.anywhere = true});
    else
      found.back().lines.push_back(words(line));
  return found;
}

// The first line of the promised blocks that do not come in the output, in this order; empty where
// all of them do.
std::string missing(const std::vector<std::string>& wanted, const std::string& output) {
  std::vector<std::string> lines;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);)
    if (!line.empty()) lines.push_back(words(line));
  auto at = lines.begin();
  for (const Block& block : blocks(wanted)) {
    if (block.lines.empty()) continue;
    const auto place = std::search(at, lines.end(), block.lines.begin(), block.lines.end());
    if (place == lines.end() || (!block.anywhere && place != at)) return block.lines[0];
    at = place + static_cast<std::ptrdiff_t>(block.lines.size());
  }
  return "";
}

}  // namespace

TEST_CASE("lessons: what a head promises is found, and what is missing is missed") {
  const std::string output = "a 1\nstep 5 ###\nstep 10 #\nend of 2\n";
  CHECK(missing({" a 3", " ...", " step 10", " end of 7"}, output) == "");
  CHECK(missing({" ...", " end of 1"}, output) == "");
  CHECK(missing({" step 5"}, output) == "step");  // not the first line, and nothing stands for that
  CHECK(missing({" ...", " a", " end of"}, output) == "a");          // not next to each other
  CHECK(missing({" ...", " end of", " ...", " a"}, output) == "a");  // not in this order
}

TEST_CASE("lessons: each runs and prints what its head says") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string programs = (fs::absolute(program_path()).parent_path() / "examples").string();
  std::string names;
  for (const fs::path& lesson : lessons()) names += lesson.stem().string() + " ";
  // Side by side, on one thread each.
  const Outcome all =
      run_command("cd " + folder.path().string() + " && printf '%s\\n' " + names +
                  "| OMP_NUM_THREADS=1 xargs -P $(nproc) -I NAME sh -c '" + programs +
                  "/NAME data >NAME.out 2>NAME.err; echo $? >NAME.status'");
  REQUIRE_MESSAGE(all.status == 0, all.err);
  for (const fs::path& lesson : lessons()) {
    CAPTURE(lesson.string());
    const std::string source = content(lesson.string());
    CHECK(lines(source) < 150);
    const std::vector<std::string> wanted = promised(source);
    CHECK(wanted.size() >= 3);
    const std::string name = folder / lesson.stem().string(), said = content(name + ".out");
    CHECK_MESSAGE(content(name + ".status") == "0\n", content(name + ".err"));
    CAPTURE(said);
    CHECK(missing(wanted, said) == "");
  }
}

TEST_CASE("lessons: what one has said is in the file when it is stopped") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string lesson = fs::absolute(program_path()).parent_path() / "examples/02_convnet";
  const Outcome run = run_command(
      "cd " + folder.path().string() + "; " + lesson +
      " data >said & child=$!; n=0; while [ ! -s said ] && [ $n -lt 6000 ]; do sleep 0.01; "
      "n=$((n + 1)); done; kill -9 $child; wait $child");
  CHECK(run.status == 128 + 9);  // it had not come to its end
  CHECK(content(folder / "said").find("to train on") != std::string::npos);
}

}  // namespace espalier::testing
