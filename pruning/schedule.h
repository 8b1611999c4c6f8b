// Schedule: when pruning happens, and how much is to be gone then. Time is counted in epochs, since
// training began; it need not be whole.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace espalier::pruning {

struct Span {
  double begin = 0, end = 0;  // epochs
  double every = 0.25;        // from one pruning to the next
};

class Schedule {
 public:
  // Prunings at begin, begin + every, ..., end; `sparsity` takes the share of the way that is over,
  // from 0 to 1. An Error where the span makes no sense.
  Schedule(const Span& span, std::function<double(double share)> sparsity);

  // What is asked for at this time: 0 before the first pruning.
  double at(double epoch) const;
  // Whether a pruning falls into (before, now]; the first one also where it was due before.
  bool due(double before, double now) const;
  double final() const;  // what is asked for in the end

 private:
  std::int64_t prunings() const;
  std::int64_t last_before(double epoch) const;  // -1: none yet

  Span span_;
  std::function<double(double)> sparsity_;
};

// An Error unless it is in [0, 1). `of`: which one, " for conv1".
void check_sparsity(double sparsity, const std::string& of = "");

// The sparsity after this share of a way on which each step leaves the same share of what is left;
// exactly `from` and `to` at the ends, 0 and 1.
double sparsity_between(double from, double to, double share);

// All at once.
Schedule one_shot(double sparsity, double epoch = 0);
// In equal steps.
Schedule iterative(double sparsity, int steps, const Span& span);
// from + (to - from)(1 - (1 - share)^3): much at first, little in the end (Zhu and Gupta, 2017).
Schedule cubic(double from, double to, const Span& span);
// The same share of what is left every time, as in lottery tickets (Frankle and Carbin, 2019).
Schedule exponential(double from, double to, const Span& span);

}  // namespace espalier::pruning
