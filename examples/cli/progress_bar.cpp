// Progress bar: drawing, and listening to the library.
#include "examples/cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>

#include "core/text.h"
#include "examples/cli/console.h"
#include "examples/cli/interrupt.h"

namespace espalier::cli {
namespace {

using std::chrono::milliseconds;

const ProgressBar* shown = nullptr;

// Columns of the terminal; many where it does not say.
std::size_t terminal_width() {
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 1000;
}

}  // namespace

ProgressBar::ProgressBar(std::string title, std::int64_t total, std::string unit)
    : title_(std::move(title)), unit_(std::move(unit)), total_(total), outermost_(!shown) {
  if (outermost_) shown = this;
}

ProgressBar::~ProgressBar() {
  if (!outermost_) return;
  take_bar_away();
  shown = nullptr;
}

void ProgressBar::reach(std::int64_t done, const std::string& note) {
  stop_if_interrupted();
  done_ = done;
  if (!outermost_ || !is_terminal(STDERR_FILENO)) return;
  const Clock::time_point now = Clock::now();
  if (now - start_ < milliseconds(500) || now - drawn_ < milliseconds(100)) return;
  drawn_ = now;
  draw(note);
}

void ProgressBar::draw(const std::string& note) {
  constexpr double kWidth = 24;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
  const double rate = static_cast<double>(done_ - begun_) / seconds;
  std::string bar(static_cast<std::size_t>(kWidth * std::fmin(share, 1)), '#');
  bar.resize(static_cast<std::size_t>(kWidth), '.');
  std::string line = title_ + " [" + bar + "] ";
  line += (rate < 10 ? fixed(rate, 1) : with_commas(std::llround(rate))) + " " + unit_ + "/s";
  if (rate > 0) line += ", " + duration(static_cast<double>(total_ - done_) / rate) + " left";
  if (!note.empty()) line += ", " + note;
  // A line that is too long could not be taken away again.
  draw_bar(line.substr(0, terminal_width() - 1));
}

LibraryBars::LibraryBars() : watch_([this](const WatchProgress::Step& step) { show(step); }) {}

void LibraryBars::show(const WatchProgress::Step& step) {
  // A piece of work that did not come to its end is followed by another one.
  if (bar_ && step.done <= bar_->done()) bar_.reset();
  if (!bar_) bar_ = std::make_unique<ProgressBar>(step.what, step.total, step.unit);
  bar_->reach(step.done);
  if (step.done >= step.total) bar_.reset();
}

}  // namespace espalier::cli
