// Hooks of pruning: what moves masks while a training runs.
#pragma once

#include <functional>

#include "examples/cli/prune_options.h"
#include "examples/cli/training.h"

namespace espalier::cli {

// Gradual pruning along a schedule. Calls see(outcome, epochs, whether the schedule has reached its
// end) after each pruning.
using SeePruning = std::function<void(const pruning::Outcome&, double epoch, bool end)>;
TrainHooks gradual_hooks(const layers::Model& model, const pruning::Method& method,
                         const pruning::Schedule& schedule, std::uint64_t seed,
                         const SeePruning& see);

// The weights that dynamic sparse training is about.
std::vector<pruning::Candidates> dynamic_lists(const layers::Model& model,
                                               const pruning::Method& method);
// RigL or SET, as the plan says, in a training of so many epochs of a network that has masks
// already.
TrainHooks dynamic_hooks(const layers::Model& model, const pruning::Method& method, Plan plan,
                         int epochs, std::uint64_t seed);

}  // namespace espalier::cli
