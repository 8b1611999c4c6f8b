// One pruning, the loop around it, and the statistics after it.
#include "pruning/pruner.h"

#include <algorithm>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "layers/norm.h"
#include "pruning/candidates.h"
#include "pruning/compaction/sparse_format.h"

namespace espalier::pruning {
namespace {

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
  if (method.structure == Structure::Layer) {
    for (const Removable& layer : removable_layers(model))
      for (std::int64_t set = 0; set < lists[0].count; ++set)
        if (lists[0].names[set] == layer.name && !selection.kept[0][set])
          remove_layer(model, layer);
  } else {
    for (std::size_t l = 0; l < lists.size(); ++l) remove(lists[l], selection.kept[l]);
  }
}

}  // namespace

Outcome outcome(const layers::Model& model, const Method& method, double asked) {
  const std::vector<Candidates> lists = candidates(model, target_of(method));
  Outcome result{{}, asked, sparsity(model, lists, method.scope.count)};
  for (const Candidates& list : lists) {
    const Kept stays = kept(list);
    const std::int64_t gone = list.gone + std::count(stays.begin(), stays.end(), 0);
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

bool ratio_decides(const Method& method) {
  return method.structure != Structure::NM && !method.criterion.cut;
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
  check_sparsity(asked);
  check_meaning(method);
  if (method.criterion.needs_data) evidence.require_batches(method.criterion.name);
  const Expanded dense(model);
  const int rounds = ratio_decides(method) ? std::max(method.criterion.rounds, 1) : 1;
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

Pruner::Pruner(const layers::Model& model, const Method& method) : model_(model), method_(method) {
  check_meaning(method);
  check(method.batches >= 1, "pruner: found ", method.batches,
        " batches to judge by, expected at least 1");
  candidates(model, target_of(method));  // fails early
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
  if (!method_.sparsity.due(epoch(step), epoch(step + 1))) return false;
  Evidence evidence(model_, {latest_.begin(), latest_.end()},
                    method_.seed + static_cast<std::uint64_t>(step));
  last_ = prune(model_, method_, method_.sparsity.at(epoch(step + 1)), evidence);
  return true;
}

void Pruner::recall(Examples examples) {
  if (!method_.criterion.needs_data) return;
  latest_.push_back(std::move(examples));
  if (latest_.size() > static_cast<std::size_t>(method_.batches)) latest_.pop_front();
}

double Pruner::sparsity() const {
  return pruning::sparsity(model_, candidates(model_, target_of(method_)), method_.scope.count);
}

void reestimate_batch_norm(const layers::Model& model, std::span<const Examples> batches) {
  // While this lives, batch norms are in training mode and everything else in evaluation mode. With
  // a momentum of 1 running statistics are those of the last batch alone; their mean is taken here,
  // in double precision.
  struct Gathering {
    explicit Gathering(const layers::Model& model) : mode(model) {
      for (const layers::Node& node : model.nodes())
        if (auto* norm = dynamic_cast<layers::BatchNorm*>(node.layer.get())) {
          norm->train();
          norms.emplace_back(norm, std::exchange(norm->options.momentum, 1));
        }
    }
    ~Gathering() {
      for (auto& [norm, momentum] : norms) {
        norm->eval();  // as where somebody else's evaluation mode goes on
        norm->options.momentum = momentum;
      }
    }
    layers::EvaluationMode mode;
    std::vector<std::pair<layers::BatchNorm*, float>> norms;
  } gathering(model);
  if (gathering.norms.empty()) return;
  check(!batches.empty(),
        "batch-norm statistics: found no batches to gather them from, expected at least one");
  std::vector<std::pair<Tensor, std::vector<double>>> sums;
  for (auto& [norm, momentum] : gathering.norms) {  // the old ones may be anything, NaN too
    norm->num_batches_tracked = 0;
    for (Tensor statistic : {norm->running_mean, norm->running_var}) {
      statistic.copy_from(Tensor::zeros(statistic.shape()));
      sums.emplace_back(statistic, std::vector<double>(statistic.numel(), 0.0));
    }
  }
  const NoGrad off;
  for (const Examples& batch : batches) {
    layers::outputs_of(model, batch.images);
    for (auto& [statistic, sum] : sums)
      for (std::size_t c = 0; c < sum.size(); ++c)
        sum[c] += static_cast<double>(statistic.data()[c]);
  }
  for (auto& [statistic, sum] : sums)
    for (std::size_t c = 0; c < sum.size(); ++c)
      statistic.mutable_data()[c] =
          static_cast<float>(sum[c] / static_cast<double>(batches.size()));
}

}  // namespace espalier::pruning
