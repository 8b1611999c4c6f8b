// Console: lines, and the bar below them.
#include "examples/cli/console.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "core/text.h"

namespace espalier::cli {
namespace {

bool bar_is_drawn = false;
bool answers_to_stderr = false;

void write_line(std::ostream& stream, int descriptor, const std::string& text) {
  take_bar_away();
  stream << (wants_colour(descriptor) ? text : without_colour(text)) << std::endl;
}

}  // namespace

void say(const std::string& line) { write_line(std::cerr, STDERR_FILENO, line); }

// Names out of files may be in it, and are not to steer the terminal.
void say_error(const std::string& sentence) {
  std::string shown = sentence;
  std::replace_if(shown.begin(), shown.end(), is_control, '?');
  say(paint(Style::Red, "espalier:") + " " + shown);
}

void answer_to_stderr(bool wanted) { answers_to_stderr = wanted; }

void answer(const std::string& text) {
  if (answers_to_stderr)
    say(text);
  else
    write_line(std::cout, STDOUT_FILENO, text);
  check(std::cout.good(), "standard output: cannot be written");
}

void draw_bar(const std::string& line) {
  std::cerr << "\r\033[K" << line << std::flush;
  bar_is_drawn = true;
}

void take_bar_away() {
  if (!bar_is_drawn) return;
  std::cerr << "\r\033[K" << std::flush;
  bar_is_drawn = false;
}

std::string percent(double share, int digits) { return fixed(100 * share, digits) + " %"; }

std::string short_percent(double share, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g %%", digits, 100 * share);
  return text;
}

std::string fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::lround(std::fmax(seconds, 0)));
  char text[48];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  return text;
}

}  // namespace espalier::cli
