// The command line on a terminal: colours where they are wanted and nowhere else, progress bars,
// and the key that interrupts.
#include "layers/layers.h"
#include "tests/terminal.h"

namespace espalier::testing {
namespace {

constexpr const char* kColour = "\033[";

bool coloured(const std::string& text) { return text.find(kColour) != text.npos; }

std::string shown(const std::string& command) {
  Terminal terminal(command);
  return terminal.rest();
}

struct Setting {
  TempDir folder;
  std::string model = folder / "m.safetensors", data = folder / "data";
  std::string eval = program_path() + " eval " + model + " --data " + data;
  Setting() {
    write_small_data(data);
    layers::save(layers::LeNet5(10, 0, {3, 32, 32}), model);
  }
};

const Setting& setting() {
  static const Setting once;
  return once;
}

}  // namespace

TEST_CASE("command line: errors are red on a terminal that wants colours") {
  const std::string wrong = program_path() + " trian";
  CHECK(shown(wrong).find("\033[1;31mespalier:\033[0m command: found trian") != std::string::npos);
  CHECK(coloured(shown("NO_COLOR= " + wrong)));
  CHECK_FALSE(coloured(shown("NO_COLOR=1 " + wrong)));
  CHECK_FALSE(coloured(shown("TERM=dumb " + wrong)));
  CHECK_FALSE(coloured(run_program("trian").err));
  CHECK(run_program("trian").err.starts_with("espalier: command: found trian"));
}

TEST_CASE("command line: an answer has colours where it goes to the terminal") {
  const Setting& s = setting();
  const std::string text = shown(s.eval);
  CHECK_MESSAGE(text.find("accuracy \033[1m") != text.npos, text);
  CHECK_FALSE(coloured(shown("NO_COLOR=yes " + s.eval)));
  const Outcome run = run_program("eval " + s.model + " --data " + s.data);
  CHECK(run.out.find("accuracy ") == 0);
  CHECK_FALSE(coloured(run.out + run.err));

  // Standard error is the terminal, standard output is not, and the other way round.
  const std::string file = s.folder / "out";
  shown("sh -c '" + s.eval + " >" + file + "'");
  CHECK(content(file).find("accuracy ") == 0);
  CHECK_FALSE(coloured(content(file)));
  shown("sh -c '" + s.eval + " --json >" + file + "'");
  CHECK(Json::parse(content(file), nullptr, false).is_object());
}

TEST_CASE("command line: a long task shows a bar, which Ctrl-C takes away") {
  const std::string bench =
      program_path() + " bench " + setting().model + " --threads 1 --batch 2 --windows ";
  for (const std::string variables : {"", "NO_COLOR=1 "}) {
    Terminal terminal(variables + bench + "1000");
    REQUIRE(terminal.wait_for(" left"));
    terminal.type('\x03');
    const std::string text = terminal.rest();
    CAPTURE(text);
    CHECK(terminal.status() == 130);
    CHECK(text.find("layers [") != text.npos);
    CHECK(text.find("passes/s, ") != text.npos);
    const std::size_t bar = text.rfind(" left"), end = text.rfind("espalier:");
    REQUIRE(end != text.npos);
    REQUIRE(bar < end);
    CHECK(text.substr(bar, end - bar).find("\r\033[K") != std::string::npos);
    CHECK(text.substr(end).find(" interrupted") != std::string::npos);
  }
  // 6 windows take longer than a bar waits.
  Terminal dumb("TERM=dumb " + bench + "6");
  CHECK_FALSE(coloured(dumb.rest()));
  CHECK(dumb.status() == 0);
}

}  // namespace espalier::testing
