// Schedules: the formulas.
#include "pruning/schedule.h"

#include <cmath>
#include <utility>

#include "core/error.h"

namespace espalier::pruning {
namespace {

constexpr double kTiny = 1e-9;  // steps add up to times that are not quite whole

}  // namespace

Schedule::Schedule(const Span& span, std::function<double(double)> sparsity)
    : span_(span), sparsity_(std::move(sparsity)) {
  check(span.begin >= 0 && span.end >= span.begin && std::isfinite(span.end),
        "schedule: found a span from epoch ", span.begin, " to ", span.end,
        ", expected one from 0 on that does not end before it begins");
  check(span.every > 0, "schedule: found ", span.every,
        " epochs between prunings, expected more than 0");
}

std::int64_t Schedule::prunings() const {
  return static_cast<std::int64_t>((span_.end - span_.begin) / span_.every + kTiny) + 1;
}

std::int64_t Schedule::last_before(double epoch) const {
  if (epoch < span_.begin - kTiny) return -1;
  const double k = (epoch - span_.begin) / span_.every + kTiny;
  return std::min(static_cast<std::int64_t>(k), prunings() - 1);
}

double Schedule::at(double epoch) const {
  const std::int64_t k = last_before(epoch);
  if (k < 0) return 0;
  // Of a span that holds one pruning only, that one is the last.
  return sparsity_(prunings() == 1 ? 1
                                   : static_cast<double>(k) / static_cast<double>(prunings() - 1));
}

bool Schedule::due(double before, double now) const {
  return last_before(now) > (before <= 0 ? -1 : last_before(before));
}

void check_sparsity(double sparsity, const std::string& of) {
  check(sparsity >= 0 && sparsity < 1, "sparsity: found ", sparsity, of,
        ", expected at least 0 and below 1");
}

double sparsity_between(double from, double to, double share) {
  // 1 - (1 - 0.3) is not 0.3.
  if (share <= 0) return from;
  if (share >= 1) return to;
  return 1 - (1 - from) * std::pow((1 - to) / (1 - from), share);
}

double Schedule::final() const { return sparsity_(1); }

Schedule one_shot(double sparsity, double epoch) {
  check_sparsity(sparsity);
  return Schedule({.begin = epoch, .end = epoch}, [=](double) { return sparsity; });
}

Schedule iterative(double sparsity, int steps, const Span& span) {
  check_sparsity(sparsity);
  check(steps >= 1, "schedule: found ", steps, " steps, expected at least 1");
  Span in_steps = span;
  if (steps > 1 && span.end > span.begin) in_steps.every = (span.end - span.begin) / (steps - 1);
  return Schedule(in_steps, [=](double share) {
    const double done = std::floor(share * (steps - 1) + kTiny) + 1;
    return sparsity * std::min(done / steps, 1.0);
  });
}

Schedule cubic(double from, double to, const Span& span) {
  check_sparsity(from);
  check_sparsity(to);
  return Schedule(span, [=](double share) {
    const double left = std::pow(1 - share, 3);
    return from * left + to * (1 - left);
  });
}

Schedule exponential(double from, double to, const Span& span) {
  check_sparsity(from);
  check_sparsity(to);
  return Schedule(span, [=](double share) { return sparsity_between(from, to, share); });
}

}  // namespace espalier::pruning
