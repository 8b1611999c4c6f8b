// Usage: how options are declared so that errors, help and completion know the same of them, and
// what is said where the command line is wrong.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace espalier::cli {

// For option->check(): one of these words. Else "--option: found 'x', expected ...; did you mean
// y?". The words are shown in the help and completed by shells.
CLI::Validator one_of(const std::vector<std::string>& words);

// The words of one_of(); empty for other options.
std::vector<std::string> choices_of(const CLI::Option& option);

// "--lr", or "file" for one that has no dashes.
std::string long_name(const CLI::Option& option);
// Options and positionals in the order in which they were declared, without --help.
std::vector<const CLI::Option*> options_of(const CLI::App& command);

std::vector<std::string> model_names();  // the built-in ones

// Files and folders are said so in the help, and completed as such.
inline constexpr const char *kFile = "FILE", *kFolder = "DIR", *kPicture = "PICTURE";

// One sentence for what CLI11 found wrong, with the command or option that was meant.
std::string sentence(const CLI::App& app, const CLI::ParseError& error);
// Throws a UsageError where the word is none of the commands.
void check_command(const CLI::App& app, const std::string& word);

}  // namespace espalier::cli
