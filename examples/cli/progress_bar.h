// Progress bar: how far a long task has come, how fast it is, and how long it takes from here.
// Every long task has one, and looks there whether it is to be interrupted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/progress.h"

namespace espalier::cli {

// Shown where standard error is a terminal, when the task has taken half a second. Of bars within
// bars the outermost is shown.
class ProgressBar {
 public:
  // What a step is counted in, and how many there are.
  ProgressBar(std::string title, std::int64_t total, std::string unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void begin_at(std::int64_t done) { begun_ = done_ = done; }  // this much was there before
  std::int64_t done() const { return done_; }
  // Both throw Interrupted, see stop_if_interrupted().
  void advance(std::int64_t count, const std::string& note = "") { reach(done_ + count, note); }
  void reach(std::int64_t done, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string& note);

  std::string title_, unit_;
  std::int64_t total_, done_ = 0, begun_ = 0;
  bool outermost_;
  Clock::time_point start_ = Clock::now(), drawn_ = start_;
};

// While it lives, what the library tells of its long work is shown as bars.
class LibraryBars {
 public:
  LibraryBars();

 private:
  void show(const WatchProgress::Step& step);

  std::unique_ptr<ProgressBar> bar_;
  WatchProgress watch_;
};

}  // namespace espalier::cli
