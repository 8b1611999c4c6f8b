// Completion: scripts that let shells complete the program's commands, options and their values,
// made from the command line itself.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace espalier::cli {

std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace espalier::cli
