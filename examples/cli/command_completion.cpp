// espalier completion: a script for the shell, which then completes commands, options and values.
#include <iostream>

#include "core/error.h"
#include "examples/cli/commands.h"
#include "examples/cli/completion.h"
#include "examples/cli/usage.h"

namespace espalier::cli {

void add_completion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a script that completes in a shell");
  command->add_option("shell", *shell, "The shell")
      ->required()
      ->type_name("SHELL")
      ->check(one_of({"bash", "zsh", "fish"}));
  command->footer(
      "Example: espalier completion bash >~/.local/share/bash-completion/completions/espalier");
  command->callback([&app, shell] {
    std::cout << (*shell == "bash"  ? bash_completion(app)
                  : *shell == "zsh" ? zsh_completion(app)
                                    : fish_completion(app))
              << std::flush;
    check(std::cout.good(), "standard output: cannot be written");
  });
}

}  // namespace espalier::cli
