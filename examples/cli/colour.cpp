// Colour: codes in, codes out.
#include "examples/cli/colour.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <string_view>

namespace espalier::cli {
namespace {

constexpr std::string_view kBegin = "\033[", kReset = "\033[0m";

std::string_view code(Style style) {
  switch (style) {
    case Style::Bold:
      return "1";
    case Style::Dim:
      return "2";
    case Style::Red:
      return "1;31";
    default:
      return "32";
  }
}

}  // namespace

std::string paint(Style style, const std::string& text) {
  return std::string(kBegin) + std::string(code(style)) + "m" + text + std::string(kReset);
}

std::string without_colour(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    if (text.compare(at, kBegin.size(), kBegin) == 0) {
      end = at + kBegin.size();
      while (end < text.size() &&
             (std::isdigit(static_cast<unsigned char>(text[end])) || text[end] == ';'))
        ++end;
      end = end < text.size() && text[end] == 'm' ? end + 1 : at;
    }
    if (end > at)
      at = end;
    else
      plain += text[at++];
  }
  return plain;
}

bool is_terminal(int descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(descriptor) != 0 && !(kind && std::string_view(kind) == "dumb");
}

bool wants_colour(int descriptor) {
  const char* none = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && !(none && *none);
}

}  // namespace espalier::cli
