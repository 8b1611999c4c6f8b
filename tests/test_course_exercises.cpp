// The exercises of the course that change a lesson: each substitution finds what it is to change,
// and what comes out compiles.
#include <doctest/doctest.h>

#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "core/file.h"
#include "tests/cli.h"
#include "tests/xml.h"

namespace espalier::testing {
namespace {

struct Exercise {
  std::string command;  // sed and its arguments, as the shell reads it
  std::string lesson;   // the file that is changed
};

// All of "sed ... LESSON >examples/try.cpp", on one line each.
std::vector<Exercise> exercises() {
  const std::string text =
      std::regex_replace(content("examples/README.md"), std::regex("\\\\\n *"), "");
  static const std::regex pattern(
      "(sed ['\"].*['\"]) *(examples/[0-9a-z_]+\\.cpp) "
      ">examples/try\\.cpp");
  std::vector<Exercise> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    found.push_back({(*at)[1], (*at)[2]});
  return found;
}

// Each substitution of a command as one of its own.
std::vector<std::string> substitutions(const std::string& command) {
  const std::size_t begin = command.find_first_of("'\"");
  const std::string quote = command.substr(begin, 1);
  std::string rest = command.substr(begin + 1, command.rfind(quote) - begin - 1);
  std::vector<std::string> found;
  for (std::size_t at; (at = rest.find("; s/")) != rest.npos; rest = rest.substr(at + 2))
    found.push_back("sed " + quote + rest.substr(0, at) + quote);
  found.push_back("sed " + quote + rest + quote);
  return found;
}

// With a value for the variables of the exercises' loops.
std::string output(const std::string& command) {
  const Outcome run = run_command("r=0.5; t=0.01; " + command);
  CHECK_MESSAGE(run.status == 0, run.err);
  return run.out;
}

}  // namespace

TEST_CASE("exercises: what changes a lesson does change it, and compiles") {
  const std::string readme = content("examples/README.md");
  const std::vector<Exercise> all = exercises();
  REQUIRE(all.size() >= 20);
  CHECK(all.size() ==
        count(readme, ">examples/try.cpp"));  // none is written in a way that is not looked at here
  const char* compiler = std::getenv("ESPALIER_CXX");
  REQUIRE_MESSAGE(compiler, "ESPALIER_CXX is not set: start the tests by make test");
  const TempDir folder;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Exercise& exercise = all[i];
    CAPTURE(exercise.command);
    const std::string before = content(exercise.lesson);
    REQUIRE(!before.empty());
    for (const std::string& one : substitutions(exercise.command)) {
      CAPTURE(one);
      const bool changes = output(one + " " + exercise.lesson) != before;
      CHECK(changes);
    }
    write_file(folder / ("try" + std::to_string(i) + ".cpp"),
               output(exercise.command + " " + exercise.lesson));
  }
  // What all of them include is read once.
  const std::string common = folder / "common.h",
                    compile = std::string(compiler) + " -O0 -fsyntax-only ";
  write_file(common, "#include \"examples/course/course.h\"\n");
  const Outcome run = run_command(std::string(compiler) + " -O0 -c -x c++-header " + common +
                                  " -o " + common + ".gch && ls " + folder.path().string() +
                                  "/*.cpp | xargs -P 2 -n 4 " + compile + "-include " + common);
  CHECK_MESSAGE(run.status == 0, run.err);
}

}  // namespace espalier::testing
