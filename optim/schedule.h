// Schedules: the learning rate as a function of how far training has come. A schedule is a value
// without state of its own, so a resumed run only needs the number of the step.
//
//   const optim::Schedule schedule = optim::one_cycle({.max_lr = 0.1});
//   ... optimizer.set_lr(schedule.at(step, total_steps)); ... optimizer.step(); ...
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace espalier::optim {

class Schedule {
 public:
  // Any function of the user's own: step in [0, total_steps], total_steps >= 1.
  using Rule = std::function<double(std::int64_t step, std::int64_t total_steps)>;
  explicit Schedule(Rule rule) : rule_(std::move(rule)) {}

  // The rate for a step counted from 0 (before it is taken: optimizer.steps()). Steps outside of
  // [0, total_steps] get the rate of the nearest one inside; total_steps below 1 is an Error.
  float at(std::int64_t step, std::int64_t total_steps) const;

 private:
  Rule rule_;
};

// Rates that are negative or not finite, shares outside [0, 1] and counts below 1 are Errors.

Schedule constant(double lr);

// lr * gamma^(epoch / every), rounded down. The total is divided evenly into `epochs`.
struct StepOptions {
  double lr = 0.1;
  std::int64_t every = 30;  // epochs
  double gamma = 0.1;
  std::int64_t epochs = 90;
};
Schedule step_decay(const StepOptions& options);

// From lr down to floor along half a cosine (Loshchilov and Hutter 2017, without restarts).
struct CosineOptions {
  double lr = 0.1;
  double floor = 0;
};
Schedule cosine(const CosineOptions& options);

// Up from max_lr / div_factor to max_lr over the share `warmup` of the steps, then down to
// max_lr / div_factor / final_div_factor at the last one, each along half a cosine (Smith 2017; the
// rates of PyTorch's OneCycleLR with pct_start = warmup; momentum stays as it is).
struct OneCycleOptions {
  double max_lr = 0.1;
  double warmup = 0.2;
  double div_factor = 25;
  double final_div_factor = 1e4;
};
Schedule one_cycle(const OneCycleOptions& options);

// The momentum that goes with one_cycle: from high down to low while the rate grows, and back up
// while it falls, each along half a cosine (Smith 2018; PyTorch's OneCycleLR with cycle_momentum).
// Large steps then come with little momentum, so that the fast part of training stays stable.
struct CycleMomentumOptions {
  double low = 0.85, high = 0.95;
  double warmup = 0.2;
};
Schedule cycle_momentum(const CycleMomentumOptions& options);

// In front of another schedule: over the share `share` of the steps, rounded to whole steps, the
// rate grows linearly from `from` times the other's first rate up to it; the other has the steps
// that are left for itself.
struct WarmUpOptions {
  double share = 0.05;
  double from = 0.01;
};
Schedule warm_up(Schedule then, const WarmUpOptions& options = {});

// ---- By name, for command lines and files ----

// What the named schedules take; each uses what concerns it.
struct ScheduleOptions {
  double lr = 0.1;                    // the highest rate
  std::int64_t epochs = 1;            // in the whole of training
  std::optional<double> warmup = {};  // share of the steps; one-cycle 0.2, else none
  double floor = 0;                   // cosine: the last rate
  std::int64_t every = 30;            // step: epochs from one drop to the next
  double gamma = 0.1;                 // step: the factor of a drop
};

// "constant", "step", "cosine" or "one-cycle"; another name is an Error that lists these. `warmup`
// puts a linear warm-up in front of all but one-cycle, which has its own.
Schedule schedule(const std::string& name, const ScheduleOptions& options);
std::vector<std::string> schedule_names();

}  // namespace espalier::optim
