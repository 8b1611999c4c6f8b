// Program: all commands together, and what a command line asks of them.
#pragma once

#include <CLI/CLI.hpp>

namespace espalier::cli {

// The commands in the order of the story.
void add_commands(CLI::App& app);

// Runs the command that the words name, words[0] being the program. Returns the exit status: 2, and
// a sentence on standard error, where the words are wrong. What the command throws comes through.
int run(CLI::App& app, int count, const char* const* words);

}  // namespace espalier::cli
