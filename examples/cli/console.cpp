// Console: lines and the progress bar.
#include "examples/cli/console.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <iostream>

#include "core/text.h"

namespace espalier::cli {
namespace {

bool bar_is_drawn = false;
bool answers_to_stderr = false;

bool on_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  return terminal;
}

void take_bar_away() {
  if (!bar_is_drawn) return;
  std::cerr << "\r\033[K";
  bar_is_drawn = false;
}

}  // namespace

void say(const std::string& line) {
  take_bar_away();
  std::cerr << line << std::endl;
}

void answer_to_stderr(bool wanted) { answers_to_stderr = wanted; }

void answer(const std::string& text) {
  take_bar_away();
  (answers_to_stderr ? std::cerr : std::cout) << text << std::endl;
}

std::string percent(double share, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %%", digits, 100 * share);
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

ProgressBar::ProgressBar(std::string title, std::int64_t total, std::string unit)
    : title_(std::move(title)), unit_(std::move(unit)), total_(total) {}

ProgressBar::~ProgressBar() {
  if (on_terminal()) take_bar_away();
}

void ProgressBar::advance(std::int64_t count, const std::string& note) {
  done_ += count;
  if (!on_terminal()) return;
  const Clock::time_point now = Clock::now();
  if (bar_is_drawn && done_ < total_ && now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  draw(note);
}

void ProgressBar::draw(const std::string& note) {
  constexpr int kWidth = 24;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
  const int filled = static_cast<int>(kWidth * share);
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  std::string bar(static_cast<std::size_t>(filled), '#');
  bar.resize(kWidth, '.');
  std::cerr << "\r\033[K" << title_ << " [" << bar << "] " << with_commas(std::llround(rate)) << " "
            << unit_ << "/s";
  if (share > 0) std::cerr << ", " << duration(seconds / share - seconds) << " left";
  if (!note.empty()) std::cerr << ", " << note;
  std::cerr << std::flush;
  bar_is_drawn = true;
}

}  // namespace espalier::cli
