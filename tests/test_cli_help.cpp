// The command line: help, what is suggested where a word is wrong, and completion in shells.
#include <regex>

#include "layers/models/models.h"
#include "pruning/pruning.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// The commands, as the overview lists them.
std::vector<std::string> commands() {
  std::vector<std::string> names;
  std::istringstream text(run_program("--help").out);
  for (std::string line; std::getline(text, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("  ([a-z]+)  +[A-Z].*")))
      names.push_back(match[1]);
  }
  return names;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream split(text);
  return {std::istream_iterator<std::string>(split), {}};
}

// What bash's script offers for the last of these words, as the shell calls it.
std::vector<std::string> completed(const std::string& words) {
  const std::string script =
      "eval \"$(" + program_path() + " completion bash)\"\nCOMP_WORDS=(" + words +
      ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_espalier\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  const TempDir folder;
  std::ofstream(folder / "try.bash") << script;
  const Outcome run = run_command("bash " + (folder / "try.bash"));
  CHECK_MESSAGE(run.status == 0, run.err);
  CHECK(run.err == "");
  return words_of(run.out);
}

}  // namespace

TEST_CASE("command line: the overview tells the story, and where the program has no command") {
  const Outcome help = run_program("--help"), none = run_program("");
  CHECK(help.status == 0);
  CHECK(none.status == 2);
  CHECK(none.out == "");
  CHECK(none.err.find("espalier COMMAND") != none.err.npos);
  const std::vector<std::string> names = commands();
  CHECK(names.size() >= 11);
  const auto place = [&](const char* name) { return std::find(names.begin(), names.end(), name); };
  CHECK(place("run") == names.begin());
  CHECK(place("train") < place("prune"));
  CHECK(place("prune") < place("compact"));
  CHECK(
      std::regex_match(run_program("--version").out, std::regex("espalier \\d+\\.\\d+\\.\\d+\n")));
}

TEST_CASE("command line: every command's help has its options, and an example that is right") {
  for (const std::string& command : commands()) {
    CAPTURE(command);
    const Outcome help = run_program(command + " --help");
    CHECK(help.status == 0);
    CHECK(help.err == "");
    CHECK(help.out.starts_with("Usage: espalier " + command));
    const std::size_t at = help.out.find("\nExample: espalier " + command + " ");
    REQUIRE(at != help.out.npos);
    if (command == "completion") continue;
    CHECK(help.out.find("\nGeneral:\n  --json ") != help.out.npos);
    // The last word alone is wrong.
    std::string example = help.out.substr(at + std::string("\nExample: espalier ").size());
    example.erase(example.find('\n'));
    const Outcome run = run_program(example + " --threads 0");
    CHECK(run.status == 2);
    CHECK_MESSAGE(run.err.starts_with("espalier: --threads: "), run.err);
  }
}

TEST_CASE("command line: help shows choices and defaults") {
  const std::string help = run_program("prune --help").out;
  for (const std::string& name : pruning::criterion_names())
    CHECK_MESSAGE(help.find(name) != help.npos, name);
  CHECK(help.find("sgd, adam or adamw (as in the training)") != help.npos);
  CHECK(help.find("(1024)") != help.npos);
  CHECK(run_program("train --help").out.find("(0.1, adam 0.001)") != help.npos);
  std::istringstream text(help);
  for (std::string line; std::getline(text, line);)
    if (line.find("Example") == line.npos) CHECK_MESSAGE(line.size() <= 100, line);
}

TEST_CASE("command line: a wrong word suggests the right one") {
  const std::string prune = "prune m.st --out x.st --sparsity 0.5 ";
  const std::pair<std::string, const char*> cases[] = {
      {"trian", "found trian, expected one of run, train, eval"},
      {"trian", "; did you mean train?"},
      {"trai --out x", "; did you mean train?"},
      {"prune m.st --sparsty 0.5 --out x.st", "prune: found --sparsty, expected an option"},
      {"prune m.st --sparsty 0.5 --out x.st", "; did you mean --sparsity?"},
      {"prune m.st --sparsty=0.5", "found --sparsty, "},
      {"eval m.st --dta x", "; did you mean --data?"},
      {"--verson", "; did you mean --version?"},
      {prune + "--criterion tailor", "--criterion: found 'tailor', expected one of magnitude"},
      {prune + "--criterion tailor", "; did you mean taylor?"},
      {prune + "--structure filer", "; did you mean filter?"},
      {prune + "--scope globl", "; did you mean global?"},
      {prune + "--schedule cubik", "; did you mean cubic?"},
      {"train --out x.st --model convent", "; did you mean convnet?"},
      {"train --out x.st --optimizer asgd", "; did you mean sgd?"},
      {"compact m.st --out x.st --format crs", "; did you mean csr?"},
      {"train --out x.st --epochs many", "--epochs: found 'many', expected a number"},
      {"eval a.st b.st", "eval: found 'b.st', expected no more than its options"},
  };
  for (const auto& [arguments, part] : cases) expect_error(arguments, 2, part);
  // What is like nothing suggests nothing.
  for (const char* far : {"xylophone", "train --out x.st --model banana"}) {
    const Outcome run = run_program(far);
    CHECK(run.status == 2);
    CHECK(run.err.find("did you mean") == run.err.npos);
  }
}

TEST_CASE("command line: bash completes commands, options, values and files") {
  std::vector<std::string> all = commands();
  all.insert(all.begin(), {"--help", "--version"});
  CHECK(completed("espalier ''") == all);
  CHECK(completed("espalier tr") == std::vector<std::string>{"train"});
  CHECK(completed("espalier prune --spa") == std::vector<std::string>{"--sparsity"});
  CHECK(completed("espalier prune m.st --criterion t") ==
        std::vector<std::string>{"taylor", "type", "threshold"});
  CHECK(completed("espalier prune m.st --scope = g") == std::vector<std::string>{"global"});
  CHECK(completed("espalier compact --format =") ==
        std::vector<std::string>{"dense", "csr", "auto"});
  CHECK(completed("espalier prune --structure n") == std::vector<std::string>{"n:m", "neuron"});
  CHECK(completed("espalier completion z") == std::vector<std::string>{"zsh"});
  CHECK(completed("espalier train --lr ''").empty());
  std::vector<std::string> models;
  for (const auto& choice : layers::model_choices()) models.push_back(choice.name);
  CHECK(completed("espalier train --model ''") == models);

  const TempDir folder;
  std::ofstream(folder / "net.safetensors") << "x";
  std::filesystem::create_directory(folder / "nets");
  const std::string start = folder / "ne";
  CHECK(completed("espalier eval " + start).size() == 2);
  CHECK(completed("espalier eval m.st --data " + start) ==
        std::vector<std::string>{folder / "nets"});
}

TEST_CASE("command line: zsh and fish can read their scripts") {
  for (const std::string shell : {"zsh", "fish"}) {
    const TempDir folder;
    const Outcome script = run_program("completion " + shell);
    CHECK(script.status == 0);
    for (const std::string& command : commands())
      CHECK(script.out.find(command) != script.out.npos);
    std::ofstream(folder / "script") << script.out;
    if (run_command("command -v " + shell).status != 0) continue;
    const Outcome read = run_command(shell + " -n " + (folder / "script"));
    CHECK_MESSAGE(read.status == 0, read.err);
  }
}

}  // namespace espalier::testing
