// Every point is a pruning of a fresh copy, so that nothing has to be put back.
#include "pruning/sensitivity.h"

#include <algorithm>

#include "core/error.h"
#include "pruning/candidates.h"
#include "pruning/removable_layers.h"

namespace espalier::pruning {
namespace {

using AccuracyOf = std::function<double(const layers::Model&)>;

bool ratio_decides(const Method& method) {
  return method.structure != Structure::Layer && method.structure != Structure::NM &&
         !method.criterion.cut;
}

void check_options(const Method& method, const SensitivityOptions& options) {
  if (method.structure != Structure::Layer) check_meaning(method);
  check(method.scope.count == Count::Sets && method.scope.ratios.empty(),
        "sensitivity: found a scope that counts over the whole network or has ratios of its own, "
        "expected one that counts the sets of each list");
  if (!ratio_decides(method)) return;
  check(!options.sparsities.empty(), "sensitivity: found no sparsities, expected at least one");
  for (const double sparsity : options.sparsities)
    check(sparsity >= 0 && sparsity < 1, "sparsity: found ", sparsity,
          ", expected at least 0 and below 1");
}

layers::Model copy_of(const layers::Model& model) {
  layers::Model copy = model.clone();
  copy.eval();
  return copy;
}

// Of the original network's sets.
double share_gone(const Candidates& list) {
  const Kept stays = kept(list);
  return static_cast<double>(list.gone + std::count(stays.begin(), stays.end(), 0)) /
         static_cast<double>(list.gone + list.count);
}

Sensitivity::List without_layer(const layers::Model& model, const std::string& name,
                                const AccuracyOf& accuracy_of) {
  const layers::Model copy = copy_of(model);
  for (const Removable& layer : removable_layers(copy))
    if (layer.name == name) {
      remove_layer(copy, layer);
      break;
    }
  return {name, 1, 0, {{1, 1, accuracy_of(copy)}}};
}

// The method for one list alone, with the scores that are known.
Method alone(Method method, const Candidates& list, const Scores* scores) {
  method.only = {list.name};
  if (!scores) return method;
  method.criterion.needs_data = false;
  method.criterion.score = [scores](std::span<const Candidates>, Evidence&) {
    return std::vector<Scores>{*scores};
  };
  return method;
}

std::vector<Sensitivity::Point> points(const layers::Model& model, const Method& method,
                                       const Candidates& list, const SensitivityOptions& options,
                                       const AccuracyOf& accuracy_of) {
  const auto measure = [&](double sparsity) {
    const layers::Model copy = copy_of(model);
    Evidence evidence(copy, options.batches, options.seed);
    const double achieved = prune(copy, method, sparsity, evidence).achieved;
    return Sensitivity::Point{achieved, achieved, accuracy_of(copy)};
  };
  if (!ratio_decides(method)) return {measure(0)};
  const std::int64_t may_go = std::max<std::int64_t>(list.count - method.scope.floor, 0);
  const double most =
      static_cast<double>(list.gone + may_go) / static_cast<double>(list.gone + list.count);
  std::vector<Sensitivity::Point> all;
  for (const double asked : options.sparsities) {
    all.push_back(measure(std::min(asked, most)));
    all.back().asked = asked;
  }
  return all;
}

}  // namespace

std::int64_t sensitivity_points(const layers::Model& model, const Method& method,
                                const SensitivityOptions& options) {
  const std::vector<Candidates> lists = candidates(model, target_of(method));
  if (method.structure == Structure::Layer) return lists[0].count;
  const std::size_t each = ratio_decides(method) ? options.sparsities.size() : 1;
  return static_cast<std::int64_t>(lists.size() * each);
}

Sensitivity sensitivity(const layers::Model& model, const Method& method,
                        const AccuracyOf& accuracy_of, const SensitivityOptions& options) {
  check_options(method, options);
  // Scoring forgets gradients: those of a copy.
  const layers::Model scored = copy_of(model);
  const std::vector<Candidates> lists = candidates(scored, target_of(method));
  Sensitivity result;
  if (method.structure == Structure::Layer) {
    check(lists[0].count > 0, "sensitivity: found no layer left to remove, expected at least one");
    result.dense = accuracy_of(copy_of(model));
    for (const std::string& name : lists[0].names)
      result.lists.push_back(without_layer(model, name, accuracy_of));
    return result;
  }
  Evidence evidence(scored, options.batches, options.seed);
  if (method.criterion.needs_data) evidence.require_batches(method.criterion.name);
  std::vector<Scores> scores;
  if (method.criterion.rounds <= 1 && !method.criterion.compensate) {
    scores = method.criterion.score(lists, evidence);
    check(scores.size() == lists.size(), "criterion ", method.criterion.name, ": found scores of ",
          scores.size(), " lists, expected ", lists.size());
  }
  result.dense = accuracy_of(copy_of(model));
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const Method one = alone(method, lists[l], scores.empty() ? nullptr : &scores[l]);
    result.lists.push_back({lists[l].name, lists[l].count + lists[l].gone, share_gone(lists[l]),
                            points(model, one, lists[l], options, accuracy_of)});
  }
  return result;
}

}  // namespace espalier::pruning
