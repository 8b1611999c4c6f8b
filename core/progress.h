// Progress: work that takes long tells how far it has come, to whoever wants to know. The work
// knows nothing of who listens; that one may end it by an exception.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

namespace espalier {

// While an object of this class lives, the function hears of the long work that this thread does: a
// word for what is done, what it is counted in, and how much of it is done of how much in all. Of
// several objects the newest one hears.
class WatchProgress {
 public:
  struct Step {
    const char *what, *unit;  // "scoring", "images"
    std::int64_t done, total;
  };
  using Function = std::function<void(const Step&)>;

  explicit WatchProgress(Function hear) : hear_(std::move(hear)), before_(newest_) {
    newest_ = this;
  }
  ~WatchProgress() { newest_ = before_; }
  WatchProgress(const WatchProgress&) = delete;
  WatchProgress& operator=(const WatchProgress&) = delete;

  static void tell(const Step& step) {  // nothing where nobody listens
    if (newest_) newest_->hear_(step);
  }

 private:
  inline static thread_local WatchProgress* newest_ = nullptr;
  Function hear_;
  WatchProgress* before_;
};

}  // namespace espalier
