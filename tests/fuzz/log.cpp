// Logs: what a report takes from them.
#include "examples/cli/report_log.h"
#include "tests/fuzz/fuzz.h"

namespace espalier::fuzz {
namespace {

const Registered target("log", [](Input input) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text_of(input), '\n')) lines.emplace_back(line);
  reads([&] { cli::facts_of(lines); });
});

}  // namespace
}  // namespace espalier::fuzz
