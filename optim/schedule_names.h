// Schedules by name, for command lines and files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "optim/schedule.h"

namespace espalier::optim {

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

const std::vector<std::string>& schedule_names();

}  // namespace espalier::optim
