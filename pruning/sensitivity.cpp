// Every point is a pruning of a fresh copy, so that nothing has to be put back.
#include "pruning/sensitivity.h"

#include <algorithm>

#include "core/error.h"

namespace espalier::pruning {
namespace {

// Whether each list has a point for each sparsity, or else a single one.
bool by_ratio(const Method& method) {
  return method.structure != Structure::Layer && ratio_decides(method);
}

void check_options(const Method& method, const SensitivityOptions& options) {
  if (method.structure != Structure::Layer) check_meaning(method);
  check(method.scope.count == Count::Sets && method.scope.ratios.empty(),
        "sensitivity: found a scope that counts over the whole network or has ratios of its own, "
        "expected one that counts the sets of each list");
  if (!by_ratio(method)) return;
  check(!options.sparsities.empty(), "sensitivity: found no sparsities, expected at least one");
  for (const double sparsity : options.sparsities) check_sparsity(sparsity);
}

layers::Model copy_of(const layers::Model& model) {
  layers::Model copy = model.clone();
  copy.eval();
  return copy;
}

}  // namespace

std::int64_t sensitivity_points(const layers::Model& model, const Method& method,
                                const SensitivityOptions& options) {
  const std::vector<Candidates> lists = candidates(model, target_of(method));
  if (method.structure == Structure::Layer) return lists[0].count;
  const std::size_t each = by_ratio(method) ? options.sparsities.size() : 1;
  return static_cast<std::int64_t>(lists.size() * each);
}

Sensitivity sensitivity(const layers::Model& model, const Method& method,
                        const std::function<double(const layers::Model&)>& accuracy_of,
                        const SensitivityOptions& options) {
  check_options(method, options);
  const layers::Model scored = copy_of(model);  // scoring forgets gradients: those of a copy
  const std::vector<Candidates> lists = candidates(scored, target_of(method));
  // Of a copy from which take(copy) takes something, and says how much.
  const auto measure = [&](const auto& take) {
    const layers::Model copy = copy_of(model);
    const double achieved = take(copy);
    return Sensitivity::Point{achieved, achieved, accuracy_of(copy)};
  };
  Sensitivity result;
  if (method.structure == Structure::Layer) {
    check(lists[0].count > 0, "sensitivity: found no layer left to remove, expected at least one");
    result.dense = accuracy_of(copy_of(model));
    for (const std::string& name : lists[0].names) {
      const auto take = [&](const layers::Model& copy) {
        for (const Removable& layer : removable_layers(copy))
          if (layer.name == name) remove_layer(copy, layer);
        return 1.0;
      };
      result.lists.push_back({name, 1, 0, {measure(take)}});
    }
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
    const Candidates& list = lists[l];
    Method alone = method;
    alone.only = {list.name};
    if (!scores.empty()) {
      alone.criterion.needs_data = false;
      alone.criterion.score = [&](std::span<const Candidates>, Evidence&) {
        return std::vector<Scores>{scores[l]};
      };
    }
    const auto point = [&](double sparsity) {
      return measure([&](const layers::Model& copy) {
        Evidence own(copy, options.batches, options.seed);
        return prune(copy, alone, sparsity, own).achieved;
      });
    };
    const auto sets = static_cast<double>(list.gone + list.count);
    const std::int64_t may_go = std::max<std::int64_t>(list.count - method.scope.floor, 0);
    std::vector<Sensitivity::Point> points;
    for (const double asked : by_ratio(method) ? options.sparsities : std::vector<double>()) {
      points.push_back(point(std::min(asked, static_cast<double>(list.gone + may_go) / sets)));
      points.back().asked = asked;
    }
    if (!by_ratio(method)) points.push_back(point(0));
    // Of this list alone: others may have its name.
    const Base before = base_of(scored, {&list, 1}, Count::Sets);
    result.lists.push_back({list.name, list.gone + list.count, before.lists.at(list.name), points});
  }
  return result;
}

}  // namespace espalier::pruning
