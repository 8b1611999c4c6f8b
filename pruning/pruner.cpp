// One pruning, and the loop around it.
#include "pruning/pruner.h"

#include <cmath>
#include <utility>

#include "core/error.h"
#include "pruning/candidates.h"
#include "pruning/compaction/sparse_format.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {
namespace {

// Takes a selection into effect.
void apply(const layers::Model& model, const Method& method, const std::vector<Candidates>& lists,
           const Selection& selection) {
  if (method.structure != Structure::Layer) {
    for (std::size_t l = 0; l < lists.size(); ++l) remove(lists[l], selection.kept[l]);
    return;
  }
  for (const Removable& layer : removable_layers(model))
    for (std::int64_t set = 0; set < lists[0].count; ++set)
      if (lists[0].names[set] == layer.name && !selection.kept[0][set]) remove_layer(model, layer);
}

void one_round(const layers::Model& model, const Method& method, double sparsity,
               Evidence& evidence) {
  const std::vector<Candidates> lists = candidates(model, target_of(method));
  const Criterion& criterion = method.criterion;
  const std::vector<Scores> scores = criterion.score(lists, evidence);
  const Selection selection =
      criterion.cut ? select_above(lists, scores, *criterion.cut, method.scope.floor)
      : method.structure == Structure::NM ? select_pattern(lists, scores, method.n, method.m)
                                          : select(model, lists, scores, sparsity, method.scope);
  if (criterion.compensate) criterion.compensate(lists, selection.kept, evidence);
  apply(model, method, lists, selection);
}

}  // namespace

Outcome outcome(const layers::Model& model, const Method& method, double asked) {
  const std::vector<Candidates> lists = candidates(model, target_of(method));
  Outcome result{
      .lists = {}, .asked = asked, .achieved = sparsity(model, lists, method.scope.count)};
  for (const Candidates& list : lists) {
    std::int64_t gone = list.gone;
    for (const std::uint8_t stays : kept(list)) gone += !stays;
    result.lists.push_back({list.name, list.count + list.gone, gone});
  }
  return result;
}

Target target_of(const Method& method) {
  return {.structure = method.structure,
          .block_rows = method.block_rows,
          .block_columns = method.block_columns,
          .only = method.only,
          .leave_out = method.leave_out};
}

void check_meaning(const Method& method) {
  const Criterion& criterion = method.criterion;
  check(criterion.score != nullptr, "criterion ", criterion.name,
        ": found no function, expected one that scores");
  if (!criterion.refuses) return;
  const std::string why = criterion.refuses(method.structure);
  check(why.empty(), "criterion ", criterion.name, ": ", why);
}

Outcome prune(const layers::Model& model, const Method& method, double asked, Evidence& evidence) {
  check(asked >= 0 && asked < 1, "sparsity: found ", asked, ", expected at least 0 and below 1");
  check_meaning(method);
  if (method.criterion.needs_data) evidence.require_batches(method.criterion.name);
  const Expanded dense(model);
  const bool by_ratio = !method.criterion.cut && method.structure != Structure::NM;
  const int rounds = by_ratio ? std::max(method.criterion.rounds, 1) : 1;
  double now = 0;
  if (rounds > 1)
    now = method.scope.base.from_original(
        sparsity(model, candidates(model, target_of(method)), method.scope.count));
  for (int round = 1; round < rounds && asked > now; ++round) {
    const double share = static_cast<double>(round) / rounds;
    one_round(model, method, sparsity_between(now, asked, share), evidence);
  }
  one_round(model, method, asked, evidence);
  return outcome(model, method, asked);
}

Outcome prune(const layers::Model& model, const Method& method, double asked) {
  Evidence nothing(model);
  return prune(model, method, asked, nothing);
}

Pruner::Pruner(const layers::Model& model, const PrunerOptions& options)
    : Pruner(model,
             {.structure = options.structure,
              .criterion = options.criterion,
              .scope = options.scope,
              .only = options.only,
              .leave_out = options.leave_out},
             options.sparsity, options.batches, options.seed) {}

Pruner::Pruner(const layers::Model& model, const Method& method, const Schedule& sparsity,
               int batches, std::uint64_t seed)
    : model_(model), method_(method), sparsity_(sparsity), batches_(batches), seed_(seed) {
  check_meaning(method_);
  check(batches >= 1, "pruner: found ", batches, " batches to judge by, expected at least 1");
  candidates(model, target_of(method_));  // fails early
}

bool Pruner::step(Examples examples, std::int64_t step, std::int64_t steps_per_epoch) {
  check(steps_per_epoch >= 1 && step >= 0, "pruner: found step ", step, " of ", steps_per_epoch,
        " an epoch, expected at least 0 of at least 1");
  // Of this epoch only: a training that is resumed at its beginning has no others.
  if (step % steps_per_epoch == 0) latest_.clear();
  recall(std::move(examples));
  const auto epoch = [&](std::int64_t steps) {
    return static_cast<double>(steps) / static_cast<double>(steps_per_epoch);
  };
  if (!sparsity_.due(epoch(step), epoch(step + 1))) return false;
  Evidence evidence(model_, {latest_.begin(), latest_.end()},
                    seed_ + static_cast<std::uint64_t>(step));
  last_ = prune(model_, method_, sparsity_.at(epoch(step + 1)), evidence);
  return true;
}

void Pruner::recall(Examples examples) {
  if (!method_.criterion.needs_data) return;
  latest_.push_back(std::move(examples));
  if (latest_.size() > static_cast<std::size_t>(batches_)) latest_.pop_front();
}

double Pruner::sparsity() const {
  return pruning::sparsity(model_, candidates(model_, target_of(method_)), method_.scope.count);
}

}  // namespace espalier::pruning
