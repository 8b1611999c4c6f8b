// Schedules by name: the list of names, and what each makes of the options.
#include "optim/schedule_names.h"

#include "core/error.h"

namespace espalier::optim {
namespace {

struct Entry {
  const char* name;
  Schedule (*make)(const ScheduleOptions&);
};

const Entry kEntries[] = {
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

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Entry& entry : kEntries) list.push_back(entry.name);
    return list;
  }();
  return names;
}

Schedule schedule(const std::string& name, const ScheduleOptions& options) {
  for (const Entry& entry : kEntries) {
    if (name != entry.name) continue;
    const Schedule made = entry.make(options);
    if (name == "one-cycle" || !options.warmup) return made;
    return warm_up(made, {.share = *options.warmup});
  }
  std::string known;
  for (const std::string& one : schedule_names()) known += (known.empty() ? "" : ", ") + one;
  fail("schedule: found \"", name, "\", expected one of ", known);
}

}  // namespace espalier::optim
