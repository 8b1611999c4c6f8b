// Progress: work that takes long tells how far it has come, to whoever wants to know. The work
// knows nothing of who listens; that one may end it by an exception.
#pragma once

#include <cstdint>
#include <functional>

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

  explicit WatchProgress(Function hear);
  ~WatchProgress();
  WatchProgress(const WatchProgress&) = delete;
  WatchProgress& operator=(const WatchProgress&) = delete;

  static void tell(const Step& step);  // nothing where nobody listens

 private:
  Function hear_;
  WatchProgress* before_;
};

}  // namespace espalier
