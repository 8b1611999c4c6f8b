// Help: what `espalier`, `espalier --help` and `espalier COMMAND --help` print.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace espalier::cli {

// The group of the options that every command has; shown last.
inline constexpr const char* kGeneral = "General";

// The commands in the order of the story, and how to begin.
std::string overview(const CLI::App& app);

// A command's use, options by group with choices and defaults, and its example.
class Help : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* command, std::string name,
                        CLI::AppFormatMode mode) const override;
};

}  // namespace espalier::cli
