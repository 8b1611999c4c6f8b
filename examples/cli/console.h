// Console: words for people. They go to standard error, so that standard output holds results only.
#pragma once

#include <sstream>
#include <string>
#include <string_view>

#include "core/error.h"
#include "examples/cli/colour.h"

namespace espalier::cli {

// An option's value that makes no sense: exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Throws a UsageError "OPTION: found FOUND, expected EXPECTED" where the condition does not hold.
template <class Found>
void check_option(bool holds, const char* option, const Found& found, std::string_view expected) {
  if (holds) [[likely]]
    return;
  std::ostringstream text;
  text << option << ": found " << found << ", expected " << expected;
  throw UsageError(text.str());
}

// One line. A progress bar that stands there is taken away first.
void say(const std::string& line);
// "espalier: SENTENCE", why the program ends.
void say_error(const std::string& sentence);

// The answer to a question, such as a table: to standard output, unless that is kept for JSON.
void answer(const std::string& text);
void answer_to_stderr(bool wanted);

// A line that stands until anything else is said. For progress bars.
void draw_bar(const std::string& line);
void take_bar_away();

std::string percent(double share, int digits = 2);  // "79.64 %"
// "0.5 %", "12.5 %": digits that count, and no zeros behind them.
std::string short_percent(double share, int digits = 4);
std::string fixed(double number, int digits);  // "79.64"
std::string duration(double seconds);          // "1:05" or "2:03:05"

}  // namespace espalier::cli
