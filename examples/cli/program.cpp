// Program: the list of commands, and wrong use as a sentence.
#include "examples/cli/program.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "core/error.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/help.h"
#include "examples/cli/usage.h"

namespace espalier::cli {

namespace {

constexpr std::pair<std::string_view, void (*)(CLI::App&)> kCommands[] = {
    {"run", add_run},         {"train", add_train},
    {"eval", add_eval},       {"inspect", add_inspect},
    {"predict", add_predict}, {"sensitivity", add_sensitivity},
    {"prune", add_prune},     {"compact", add_compact},
    {"bench", add_bench},     {"crossover", add_crossover},
    {"report", add_report},   {"completion", add_completion},
};

}  // namespace

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& [name, add] : kCommands) names.emplace_back(name);
  return names;
}

void add_commands(CLI::App& app, std::string_view only) {
  app.formatter(std::make_shared<Help>());
  const bool known = std::any_of(std::begin(kCommands), std::end(kCommands),
                                 [&](const auto& command) { return command.first == only; });
  for (const auto& [name, add] : kCommands)
    if (!known || name == only) add(app);
}

int run(CLI::App& app, int count, const char* const* words) {
  if (count == 1) {
    say(overview(app));
    return 2;
  }
  try {
    check_command(app, words[1]);
    app.require_subcommand(1);
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      app.exit(error);
      check(std::cout.flush().good(), "standard output: cannot be written");
      return 0;
    }
    say_error(sentence(app, error));
    return 2;
  } catch (const UsageError& error) {
    say_error(error.what());
    return 2;
  }
  return 0;
}

}  // namespace espalier::cli
