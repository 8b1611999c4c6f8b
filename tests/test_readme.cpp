// The README's programs are the examples', which are compiled and run; a snippet that differs by a
// character from the program it was taken from fails here.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli.h"

namespace espalier::testing {
namespace {

// The text of every block of C++ in the README.
std::vector<std::string> snippets(const std::string& text) {
  const std::string open = "```cpp\n", close = "```";
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find(open, at)) != text.npos;) {
    at += open.size();
    const std::size_t end = text.find(close, at);
    found.push_back(text.substr(at, end - at));
    at = end;
  }
  return found;
}

}  // namespace

TEST_CASE("README: every snippet is part of an example that is compiled") {
  const std::string readme = content("README.md");
  REQUIRE_MESSAGE(!readme.empty(), "README.md not found: start the tests in the project's folder");
  std::string examples;
  for (const auto& entry : std::filesystem::directory_iterator("examples"))
    if (entry.path().extension() == ".cpp") examples += content(entry.path().string());
  const auto all = snippets(readme);
  CHECK(all.size() >= 2);
  for (const std::string& snippet : all)
    CHECK_MESSAGE(examples.find(snippet) != examples.npos, snippet);
}

TEST_CASE("examples: each runs and does what its head says") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string examples =
      (std::filesystem::absolute(program_path()).parent_path() / "examples").string();
  const Outcome quick =
      run_command("cd " + folder.path().string() + " && " + examples + "/quickstart data");
  REQUIRE_MESSAGE(quick.status == 0, quick.err);
  CHECK(quick.out.find("% of 40 test pictures, 50 % of the filters gone") != quick.out.npos);
  CHECK(std::filesystem::exists(folder / "convnet.safetensors"));
  const Outcome own =
      run_command("cd " + folder.path().string() + " && " + examples + "/own_layer");
  REQUIRE_MESSAGE(own.status == 0, own.err);
  CHECK(own.out.find("the same outputs: yes") != own.out.npos);
  const Outcome graph =
      run_command("cd " + folder.path().string() + " && " + examples + "/own_graph data");
  REQUIRE_MESSAGE(graph.status == 0, graph.err);
  CHECK(graph.out.find("wide: 12 of 24 filters") != graph.out.npos);
  const Outcome eval =
      run_program("eval " + (folder / "gated.safetensors") + " --data " + (folder / "data"));
  CHECK_MESSAGE(eval.status == 0, eval.err);
  const Outcome criterion = run_command(examples + "/own_criterion");
  REQUIRE_MESSAGE(criterion.status == 0, criterion.err);
  CHECK(criterion.out.find("largest: ") == 0);
  CHECK(std::count(criterion.out.begin(), criterion.out.end(), ' ') == 32);
}

}  // namespace espalier::testing
