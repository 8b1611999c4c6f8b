// Progress: the newest listener of each thread.
#include "core/progress.h"

#include <utility>

namespace espalier {
namespace {

thread_local WatchProgress* newest = nullptr;

}  // namespace

WatchProgress::WatchProgress(Function hear) : hear_(std::move(hear)), before_(newest) {
  newest = this;
}
WatchProgress::~WatchProgress() { newest = before_; }

void WatchProgress::tell(const Step& step) {
  if (newest) newest->hear_(step);
}

}  // namespace espalier
