// Schedules: the formulas.
#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "optim/option.h"

namespace espalier::optim {
namespace {

// Half a cosine from `from` to `to` while share goes from 0 to 1: exactly these at the ends, and
// with small relative errors where one of them is far smaller than the other.
double anneal(double from, double to, double share) {
  const auto weight = [](double x) { return std::pow(std::sin(std::numbers::pi / 2 * x), 2); };
  return from * weight(1 - share) + to * weight(share);
}

void check_count(const char* option, std::int64_t count) {
  check_option(count >= 1, option, static_cast<double>(count), "at least 1");
}

// From `first` to `turn` over the share `warmup` of the steps, then to `last`. PyTorch's
// boundaries: the turn is at step `top`, which need not be whole and may lie before the first step,
// the end at the last step. kTiny is for products that are not quite whole.
double cycle(double first, double turn, double last, double warmup, std::int64_t step,
             std::int64_t total) {
  constexpr double kTiny = 1e-9;
  const double at = static_cast<double>(step);
  const double end = static_cast<double>(total) - 1;
  const double top = warmup * static_cast<double>(total) - 1;
  if (at < top - kTiny) return anneal(first, turn, at / top);
  return anneal(turn, last, end > top + kTiny ? std::min((at - top) / (end - top), 1.0) : 0);
}

using Make = Schedule (*)(const ScheduleOptions&);
constexpr std::pair<const char*, Make> kSchedules[] = {
    {"constant", [](const ScheduleOptions& o) { return constant(o.lr); }},
    {"step",
     [](const ScheduleOptions& o) {
       return step_decay({.lr = o.lr, .every = o.every, .gamma = o.gamma, .epochs = o.epochs});
     }},
    {"cosine", [](const ScheduleOptions& o) { return cosine({.lr = o.lr, .floor = o.floor}); }},
    {"one-cycle",
     [](const ScheduleOptions& o) {
       return one_cycle({.max_lr = o.lr, .warmup = o.warmup.value_or(0.2)});
     }},
};

}  // namespace

float Schedule::at(std::int64_t step, std::int64_t total_steps) const {
  check(total_steps >= 1, "schedule: found ", total_steps, " steps in total, expected at least 1");
  return static_cast<float>(rule_(std::clamp<std::int64_t>(step, 0, total_steps), total_steps));
}

Schedule constant(double lr) {
  check_rate("constant: lr", lr);
  return Schedule([lr](std::int64_t, std::int64_t) { return lr; });
}

Schedule step_decay(const StepOptions& o) {
  check_rate("step: lr", o.lr);
  check_rate("step: gamma", o.gamma);
  check_count("step: every", o.every);
  check_count("step: epochs", o.epochs);
  return Schedule([o](std::int64_t step, std::int64_t total) {
    const std::int64_t epoch = step * o.epochs / total;
    return o.lr * std::pow(o.gamma, static_cast<double>(epoch / o.every));
  });
}

Schedule cosine(const CosineOptions& o) {
  check_rate("cosine: lr", o.lr);
  check_rate("cosine: floor", o.floor);
  return Schedule([o](std::int64_t step, std::int64_t total) {
    return anneal(o.lr, o.floor, static_cast<double>(step) / static_cast<double>(total));
  });
}

Schedule one_cycle(const OneCycleOptions& o) {
  check_rate("one-cycle: max_lr", o.max_lr);
  check_share("one-cycle: warmup", o.warmup);
  check_option(o.div_factor > 0, "one-cycle: div_factor", o.div_factor, "a number above 0");
  check_option(o.final_div_factor > 0, "one-cycle: final_div_factor", o.final_div_factor,
               "a number above 0");
  return Schedule([o](std::int64_t step, std::int64_t total) {
    const double first = o.max_lr / o.div_factor;
    return cycle(first, o.max_lr, first / o.final_div_factor, o.warmup, step, total);
  });
}

Schedule cycle_momentum(const CycleMomentumOptions& o) {
  check_decay("cycle momentum: low", o.low);
  check_decay("cycle momentum: high", o.high);
  check_share("cycle momentum: warmup", o.warmup);
  return Schedule([o](std::int64_t step, std::int64_t total) {
    return cycle(o.high, o.low, o.high, o.warmup, step, total);
  });
}

Schedule warm_up(Schedule then, const WarmUpOptions& o) {
  check_share("warm-up: share", o.share);
  check_share("warm-up: from", o.from);
  return Schedule([then = std::move(then), o](std::int64_t step, std::int64_t total) -> double {
    const std::int64_t rising = std::llround(o.share * static_cast<double>(total));
    const std::int64_t rest = std::max<std::int64_t>(total - rising, 1);
    if (step >= rising) return then.at(step - rising, rest);
    const double share = static_cast<double>(step) / static_cast<double>(rising);
    return then.at(0, rest) * (o.from + (1 - o.from) * share);
  });
}

Schedule schedule(const std::string& name, const ScheduleOptions& options) {
  std::string known;
  for (const auto& [one, make] : kSchedules) {
    known += (known.empty() ? "" : ", ") + std::string(one);
    if (name != one) continue;
    const Schedule made = make(options);
    if (name == "one-cycle" || !options.warmup) return made;
    return warm_up(made, {.share = *options.warmup});
  }
  fail("schedule: found \"", name, "\", expected one of ", known);
}

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kSchedules) names.emplace_back(name);
  return names;
}

}  // namespace espalier::optim
