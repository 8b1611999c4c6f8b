// Hooks of pruning: gradual, and dynamic sparse training.
#include "examples/cli/prune_hooks.h"

#include <memory>
#include <optional>

namespace espalier::cli {

TrainHooks gradual_hooks(const layers::Model& model, const pruning::Method& method,
                         const pruning::Schedule& schedule, std::uint64_t seed,
                         const SeePruning& see) {
  pruning::Method gradual = method;
  gradual.sparsity = schedule;
  gradual.seed = seed;
  const auto pruner = std::make_shared<pruning::Pruner>(model, gradual);
  TrainHooks hooks;
  hooks.after_step = [pruner, schedule, see](const datasets::Batch& batch) {
    if (!pruner->step(batch)) return;
    const double epoch =
        static_cast<double>(batch.step + 1) / static_cast<double>(batch.steps_per_epoch);
    see(pruner->last(), epoch, schedule.at(epoch) == schedule.final());
  };
  hooks.recall = [pruner](const datasets::Batch& batch) { pruner->recall(batch); };
  hooks.recalls = pruner->recalls();
  return hooks;
}

std::vector<pruning::Candidates> dynamic_lists(const layers::Model& model,
                                               const pruning::Method& method) {
  return pruning::candidates(
      model, {.structure = pruning::Weight, .only = method.only, .leave_out = method.leave_out});
}

TrainHooks dynamic_hooks(const layers::Model& model, const pruning::Method& method, Plan plan,
                         int epochs, std::uint64_t seed) {
  constexpr std::int64_t kEvery = 100;  // steps between updates
  constexpr double kUntil = 0.75;       // share of the training
  struct Update {                       // one that comes after the step that runs
    std::vector<pruning::Candidates> lists;
    std::optional<pruning::Expanded> expanded;
    std::optional<pruning::DenseGradients> dense;
  };
  const bool rigl = plan == Plan::RigL;
  const auto update = std::make_shared<Update>();
  update->lists = dynamic_lists(model, method);
  TrainHooks hooks;
  hooks.before_step = [=](const datasets::Batch& batch) {
    if ((batch.step + 1) % kEvery != 0) return;
    update->expanded.emplace(model);
    // RigL wants the gradient of what is masked as well.
    if (rigl) update->dense.emplace(update->lists);
  };
  hooks.after_step = [=](const datasets::Batch& batch) {
    if (!update->expanded) return;
    const std::int64_t done = batch.step + 1;
    const double fraction = pruning::rigl_fraction(
        static_cast<double>(done), 0, kUntil * static_cast<double>(batch.steps_per_epoch * epochs));
    if (fraction > 0)
      pruning::regrow(update->lists,
                      {.fraction = fraction,
                       .grow = rigl ? pruning::Grow::Gradient : pruning::Grow::Random,
                       .seed = seed + static_cast<std::uint64_t>(done)});
    update->dense.reset();
    update->expanded.reset();
  };
  return hooks;
}

}  // namespace espalier::cli
