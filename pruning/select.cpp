// A selection is a prefix of an order: sets that are gone already come first, then the others from
// the lowest score up, but for those that a list has to keep.
#include "pruning/select.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "layers/layers.h"

namespace espalier::pruning {
namespace {

struct Place {
  std::size_t list;
  std::int64_t set;
};

void check_ratio(double ratio, const std::string& of) {
  check(ratio >= 0 && ratio < 1, "sparsity: found ", ratio, of,
        ", expected at least 0 and below 1");
}

void check_scores(std::span<const Candidates> lists, std::span<const Scores> scores) {
  check(lists.size() == scores.size(), "scores: found ", scores.size(), " lists, expected ",
        lists.size());
  for (std::size_t l = 0; l < lists.size(); ++l) {
    check(static_cast<std::int64_t>(scores[l].size()) == lists[l].count, lists[l].name, ": found ",
          scores[l].size(), " scores, expected ", lists[l].count);
    for (const double score : scores[l])
      if (std::isnan(score)) [[unlikely]]
        fail(lists[l].name, ": found a score that is not a number, expected one for each ",
             name(lists[l].structure));
  }
}

// One list's sets in the order in which they go.
std::vector<std::int64_t> order_of(const Kept& kept, const Scores& scores) {
  std::vector<std::int64_t> order(kept.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return kept[a] != kept[b] ? kept[a] < kept[b] : kept[a] && scores[a] < scores[b];
  });
  return order;
}

double divisor(const Scores& scores, const Kept& kept, Normalise normalise) {
  double sum = 0, squares = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (kept[i]) sum += scores[i], squares += scores[i] * scores[i], ++count;
  const double value = normalise == Normalise::None   ? 1
                       : normalise == Normalise::Mean ? sum / std::max<double>(1, count)
                                                      : std::sqrt(squares);
  return value > 0 ? value : 1;
}

std::int64_t gone(const Kept& kept) { return std::count(kept.begin(), kept.end(), 0); }

// Weights or multiply-adds of a network that are left under its masks and a selection.
class Cost {
 public:
  Cost(const layers::Model& model, std::span<const Candidates> lists, Count count)
      : lists_(lists), count_(count) {
    model.root().trace(
        model.batch_shape(1), [&](layers::Module& leaf, const Shape& in, const Shape&) {
          const layers::Macs macs = leaf.macs(in);
          if (macs.dense == 0) return;
          const Parameter weight = weight_of(leaf);
          if (!weight.defined()) return;
          const double each = count == Count::Weights ? 1
                                                      : static_cast<double>(macs.dense) /
                                                            static_cast<double>(weight.numel());
          weights_.push_back({weight, each});
          total_ += each * static_cast<double>(weight.numel());
        });
  }

  // The share that is gone.
  double gone(const std::vector<Kept>& kept) const {
    double left = 0;
    for (const auto& [weight, each] : weights_) {
      std::vector<std::uint8_t> mask(weight.numel(), 1);
      if (weight.mask()) std::copy_n(weight.mask(), mask.size(), mask.data());
      for (std::size_t l = 0; l < lists_.size(); ++l)
        for (const Member& member : lists_[l].members)
          if (same(member.parameter, weight))
            member.each([&](std::int64_t i, std::int64_t set) { mask[i] &= kept[l][set]; });
      left += each * static_cast<double>(std::count(mask.begin(), mask.end(), 1));
    }
    return total_ > 0 ? 1 - left / total_ : 0;
  }

 private:
  static Parameter weight_of(layers::Module& leaf) {
    if (auto* conv = dynamic_cast<layers::Conv2d*>(&leaf)) return conv->weight;
    if (auto* linear = dynamic_cast<layers::Linear*>(&leaf)) return linear->weight;
    return {};
  }

  std::span<const Candidates> lists_;
  Count count_;
  std::vector<std::pair<Parameter, double>> weights_;
  double total_ = 0;
};

std::vector<Kept> kept_of(std::span<const Candidates> lists) {
  std::vector<Kept> all;
  for (const Candidates& list : lists) all.push_back(kept(list));
  return all;
}

std::int64_t total_of(std::span<const Candidates> lists) {
  std::int64_t total = 0;
  for (const Candidates& list : lists) total += list.count + list.gone;
  return total;
}

double share_gone(std::span<const Candidates> lists, const std::vector<Kept>& kept) {
  std::int64_t count = 0;
  for (std::size_t l = 0; l < lists.size(); ++l) count += gone(kept[l]) + lists[l].gone;
  return static_cast<double>(count) / static_cast<double>(total_of(lists));
}

// The places of all lists in the order in which they go, those that stay for sure left out.
std::vector<Place> ranking(std::span<const Candidates> lists, std::span<const Scores> scores,
                           const std::vector<Kept>& now, const Scope& scope) {
  struct Ranked {
    bool kept;
    double key;
    Place place;
  };
  std::vector<Ranked> ranked;
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const std::vector<std::int64_t> order = order_of(now[l], scores[l]);
    const double by = divisor(scores[l], now[l], scope.normalise);
    const auto may_go = static_cast<std::int64_t>(order.size()) - scope.floor;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(order.size()); ++i) {
      const bool kept = now[l][order[i]];
      if (kept && i >= may_go) break;
      const double key = scope.global
                             ? scores[l][order[i]] / by
                             : static_cast<double>(i + 1) / static_cast<double>(order.size());
      ranked.push_back({kept, kept ? key : 0, {l, order[i]}});
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.kept != b.kept ? a.kept < b.kept : a.key < b.key;
  });
  std::vector<Place> places;
  for (const Ranked& r : ranked) places.push_back(r.place);
  return places;
}

std::vector<Kept> without(const std::vector<Kept>& now, const std::vector<Place>& places,
                          std::size_t count) {
  std::vector<Kept> kept = now;
  for (std::size_t i = 0; i < count; ++i) kept[places[i].list][places[i].set] = 0;
  return kept;
}

// The same ratio in each list.
Selection select_local(std::span<const Candidates> lists, std::span<const Scores> scores,
                       double sparsity, const Scope& scope) {
  Selection selection{kept_of(lists)};
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const auto own = scope.ratios.find(lists[l].name);
    const double ratio = own == scope.ratios.end() ? sparsity : own->second;
    check_ratio(ratio, " for " + lists[l].name);
    const std::int64_t all = lists[l].count + lists[l].gone;
    const auto asked = std::llround(ratio * static_cast<double>(all)) - lists[l].gone;
    Kept& kept = selection.kept[l];
    check(asked <= std::max(lists[l].count - scope.floor, gone(kept)), lists[l].name, ": found ",
          "a sparsity of ", ratio, ", which leaves ", lists[l].count - asked, " of ", all, " ",
          name(lists[l].structure), "s, expected at least ", scope.floor);
    const std::vector<std::int64_t> order = order_of(kept, scores[l]);
    for (std::int64_t i = 0; i < asked; ++i) kept[order[i]] = 0;
  }
  selection.achieved = share_gone(lists, selection.kept);
  return selection;
}

}  // namespace

double sparsity(const layers::Model& model, std::span<const Candidates> lists, Count count) {
  const std::vector<Kept> now = kept_of(lists);
  return count == Count::Sets ? share_gone(lists, now) : Cost(model, lists, count).gone(now);
}

Selection select(const layers::Model& model, std::span<const Candidates> lists,
                 std::span<const Scores> scores, double sparsity, const Scope& scope) {
  check_ratio(sparsity, "");
  check(scope.floor >= 0, "floor: found ", scope.floor, ", expected 0 or more");
  check_scores(lists, scores);
  for (const auto& [list, ratio] : scope.ratios) {
    check_ratio(ratio, " for " + list);
    check(!scope.global && scope.count == Count::Sets, "sparsity: found a ratio for ", list,
          " alone, expected a local scope that counts sets");
    check(std::any_of(lists.begin(), lists.end(),
                      [&](const Candidates& c) { return c.name == list; }),
          "sparsity: found a ratio for ", list, ", expected one of the layers that may lose some");
  }
  if (!scope.global && scope.count == Count::Sets)
    return select_local(lists, scores, sparsity, scope);

  const std::vector<Kept> now = kept_of(lists);
  const std::vector<Place> places = ranking(lists, scores, now, scope);
  std::size_t go = 0;
  if (scope.count == Count::Sets) {
    std::int64_t away = 0;
    for (const Candidates& list : lists) away += list.gone;
    const auto asked = std::llround(sparsity * static_cast<double>(total_of(lists))) - away;
    check(asked <= static_cast<std::int64_t>(places.size()), "sparsity: found ", sparsity,
          ", which leaves a layer with fewer than ", scope.floor, " ", name(lists[0].structure),
          "s, expected at most ",
          static_cast<double>(places.size() + away) / static_cast<double>(total_of(lists)));
    go = static_cast<std::size_t>(std::max<std::int64_t>(asked, 0));
    Selection selection{without(now, places, go)};
    selection.achieved = share_gone(lists, selection.kept);
    return selection;
  }
  // The fewest that reach the ratio, or one less where that is nearer.
  const Cost cost(model, lists, scope.count);
  const auto achieved = [&](std::size_t count) { return cost.gone(without(now, places, count)); };
  std::size_t low = 0, high = places.size();
  check(achieved(high) >= sparsity, "sparsity: found ", sparsity,
        ", which leaves a layer with fewer than ", scope.floor, " ", name(lists[0].structure),
        "s, expected at most ", achieved(high));
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    achieved(middle) >= sparsity ? high = middle : low = middle + 1;
  }
  if (low > 0 && sparsity - achieved(low - 1) < achieved(low) - sparsity) --low;
  Selection selection{without(now, places, low)};
  selection.achieved = cost.gone(selection.kept);
  return selection;
}

Selection select_pattern(std::span<const Candidates> lists, std::span<const Scores> scores, int n,
                         int m) {
  check(n >= 1 && n < m, "n:m: found ", n, ":", m, ", expected n at least 1 and below m");
  check_scores(lists, scores);
  Selection selection{kept_of(lists)};
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const Parameter& weight = lists[l].members.at(0).parameter;
    const std::int64_t columns = weight.numel() / weight.size(0);
    Kept& kept = selection.kept[l];
    for (std::int64_t row = 0; row < weight.numel(); row += columns)
      for (std::int64_t first = 0; first < columns; first += m) {
        const std::int64_t size = std::min<std::int64_t>(m, columns - first);
        const auto at = static_cast<std::ptrdiff_t>(row + first);
        const Kept part(kept.begin() + at, kept.begin() + at + size);
        const Scores values(scores[l].begin() + at, scores[l].begin() + at + size);
        const std::vector<std::int64_t> order = order_of(part, values);
        const std::int64_t stay = (n * size + m - 1) / m;
        for (std::int64_t i = 0; i < size - stay; ++i) kept[at + order[i]] = 0;
      }
  }
  selection.achieved = share_gone(lists, selection.kept);
  return selection;
}

Selection select_above(std::span<const Candidates> lists, std::span<const Scores> scores,
                       double cut, std::int64_t floor) {
  check_scores(lists, scores);
  Selection selection{kept_of(lists)};
  for (std::size_t l = 0; l < lists.size(); ++l) {
    Kept& kept = selection.kept[l];
    const std::vector<std::int64_t> order = order_of(kept, scores[l]);
    for (std::int64_t i = 0; i < lists[l].count - floor; ++i)
      if (scores[l][order[i]] < cut) kept[order[i]] = 0;
  }
  selection.achieved = share_gone(lists, selection.kept);
  return selection;
}

}  // namespace espalier::pruning
