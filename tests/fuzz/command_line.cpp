// Command lines: the words of the input, one a line, are parsed as the program's, but no command is
// run; the options of training and pruning are also put to use as far as they need no network.
#include <algorithm>
#include <functional>
#include <iostream>
#include <sstream>
#include <utility>

#include "examples/cli/console.h"
#include "examples/cli/program.h"
#include "examples/cli/prune_options.h"
#include "examples/cli/recipe.h"
#include "tests/fuzz/fuzz.h"

namespace espalier::fuzz {
namespace {

// What a command does once its line is parsed.
struct Callback : CLI::App {
  static std::function<void()> CLI::App::*member() { return &Callback::final_callback_; }
};

// Takes what the program says.
class Silence {
 public:
  ~Silence() {
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }

 private:
  std::stringbuf said_;
  std::streambuf *out_ = std::cout.rdbuf(&said_), *err_ = std::cerr.rdbuf(&said_);
};

void use_options(const std::vector<const char*>& words) {
  CLI::App app;
  cli::RecipeOptions training;
  cli::PruneOptions pruning;
  cli::add_recipe_options(app, training, "--lr-schedule");
  cli::add_prune_options(app, pruning);
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError&) {
    return;
  }
  reads([&] { cli::make_schedule(cli::with_options(training, {})).at(1, 2); });
  reads([&] {
    cli::method_of(pruning);
    if (cli::is_gradual(cli::plan_of(pruning))) cli::schedule_of(pruning, 4).at(1);
    cli::to_json(pruning);
  });
}

// What is no command ends in one sentence, for which all commands have to be made: of sixteen such
// words one is left, and the others stand for commands.
std::string command_of(const std::string& word) {
  static const std::vector<std::string> names = cli::command_names();
  if (std::find(names.begin(), names.end(), word) != names.end()) return word;
  std::size_t sum = 0;
  for (const char c : word) sum = 31 * sum + static_cast<unsigned char>(c);
  return sum % 16 == 0 ? word : names[sum / 16 % names.size()];
}

const Registered target("command_line", [](Input input) {
  std::vector<std::string> lines = {"espalier"};
  for (const std::string_view line : split(text_of(input), '\n')) {
    const std::size_t nul = line.find('\0');  // where a word ends for the program
    lines.emplace_back(line.substr(0, nul));
  }
  lines[1] = command_of(lines[1]);
  std::vector<const char*> words;
  for (const std::string& line : lines) words.push_back(line.c_str());

  const Silence silence;
  CLI::App app("", "espalier");
  cli::add_commands(app, lines[1]);
  std::vector<std::function<void()>> kept;  // what the options are written to belongs to them
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
    kept.push_back(std::exchange(command->*Callback::member(), [] {}));
  const int status = cli::run(app, static_cast<int>(words.size()), words.data());
  expect(status == 0 || status == 2, "a command line is right or wrong");
  if (lines[1] != "train" && lines[1] != "prune") return;
  words.erase(words.begin() + 1);
  use_options(words);
});

}  // namespace
}  // namespace espalier::fuzz
