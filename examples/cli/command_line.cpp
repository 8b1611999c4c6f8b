// CommandLine: words, quoted where a shell would not take them as they are.
#include "examples/cli/command_line.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace espalier::cli {
namespace {

std::string remembered = "espalier";

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) || std::strchr("_-./:=,+@%", c);
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

void remember_command_line(int argc, char** argv) {
  remembered = "espalier";
  for (int i = 1; i < argc; ++i) remembered += " " + quoted(argv[i]);
}

const std::string& command_line() { return remembered; }

}  // namespace espalier::cli
