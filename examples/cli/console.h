// Console: words for people. They go to standard error, so that standard output holds results only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/error.h"

namespace espalier::cli {

// An option's value that makes no sense: exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Throws a UsageError "OPTION: found FOUND, expected EXPECTED" where the condition does not hold.
template <class Found>
void check_option(bool holds, const char* option, const Found& found, const char* expected) {
  if (holds) [[likely]]
    return;
  std::ostringstream text;
  text << option << ": found " << found << ", expected " << expected;
  throw UsageError(text.str());
}

// One line. A progress bar that stands there is taken away first.
void say(const std::string& line);

// The answer to a question, such as a table: to standard output, unless that is kept for JSON.
void answer(const std::string& text);
void answer_to_stderr(bool wanted);

std::string percent(double share, int digits = 2);  // "79.64 %"
std::string duration(double seconds);               // "1:05" or "2:03:05"

// A bar with rate and time left, where standard error is a terminal; nothing elsewhere.
class ProgressBar {
 public:
  // What a step is counted in, and how many there are.
  ProgressBar(std::string title, std::int64_t total, std::string unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void title(std::string title) { title_ = std::move(title); }
  void advance(std::int64_t count, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string& note);

  std::string title_, unit_;
  std::int64_t total_, done_ = 0;
  Clock::time_point start_ = Clock::now(), drawn_ = {};
};

}  // namespace espalier::cli
