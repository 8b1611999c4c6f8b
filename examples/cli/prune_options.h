// What the command line says about pruning, and the method that it makes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "examples/cli/json.h"
#include "pruning/pruning.h"

namespace CLI {
class App;  // its library is large, and few files need it
}

namespace espalier::cli {

struct PruneOptions {
  std::string structure = "weight", criterion = "magnitude", scope = "local", count = "sets",
              normalise = "none", schedule = "one-shot";
  std::optional<double> sparsity, threshold, deviations;
  std::string relative_to = "original";  // what shares are of; or "current", the network read
  std::vector<std::string> only, leave_out, ratios;  // ratios: "conv1=0.3"
  std::int64_t floor = 1;
  std::string block = "4x4", pattern = "2:4";
  std::int64_t pictures = 1024;          // that criteria judge by
  std::optional<double> pruning_epochs;  // of a gradual schedule
  int steps = 5;                         // of iterative and lottery
  int rewind_epoch = 0;                  // of lottery
  std::optional<int> compact;            // epochs of training before the network is compacted
};
std::vector<std::string> structure_names();
void add_prune_options(CLI::App& command, PruneOptions& options);

// The schedules of --schedule.
enum class Plan { OneShot, Iterative, Cubic, Exponential, Initial, Lottery, RigL, SET };
Plan plan_of(const PruneOptions& options);
bool is_gradual(Plan plan);  // within one training

// An UsageError where an option makes no sense, alone or beside another.
pruning::Method method_of(const PruneOptions& options);
// The ratio that is asked for; 0 where a threshold or a pattern decides.
double sparsity_of(const PruneOptions& options);
// Of a gradual plan, in a training of so many epochs.
pruning::Schedule schedule_of(const PruneOptions& options, int epochs);

// The options that decide something; with the defaults they are all of them.
Json to_json(const PruneOptions& options);
// Strict: an error that begins with `file`.
PruneOptions prune_options_from(const Json& json, const std::string& file);
// The stored options, with those that this command line names in their place.
PruneOptions with_given(const CLI::App& command, const PruneOptions& given,
                        const PruneOptions& stored);
// "--leave-out" for the field "leave_out", of a recipe's JSON too.
std::string option_of(const std::string& field);

}  // namespace espalier::cli
