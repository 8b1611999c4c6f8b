// Program: all commands together, and what a command line asks of them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::cli {

std::vector<std::string> command_names();

// The commands in the order of the story; or the one of that name alone, where there is one.
void add_commands(CLI::App& app, std::string_view only = "");

// Runs the command that the words name, words[0] being the program. Returns the exit status: 2, and
// a sentence on standard error, where the words are wrong. What the command throws comes through.
int run(CLI::App& app, int count, const char* const* words);

}  // namespace espalier::cli
