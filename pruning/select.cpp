// A selection is a prefix of an order: sets that are gone already come first, then the others from
// the lowest score up, of equal ones the first; but for those that a list has to keep. The order is
// a total one, so that no sort can change it.
#include "pruning/select.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

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

// Whether one set of a list goes before another.
struct Before {
  const Kept& kept;
  const Scores& scores;
  bool operator()(std::int64_t a, std::int64_t b) const {
    if (kept[a] != kept[b]) return kept[a] < kept[b];
    if (kept[a] && scores[a] != scores[b]) return scores[a] < scores[b];
    return a < b;
  }
};

// One list's sets, of which the first `count` are those that go first, in no order among
// themselves: of millions of weights a whole order would take seconds.
std::vector<std::int64_t> first_of(const Kept& kept, const Scores& scores, std::int64_t count) {
  std::vector<std::int64_t> sets(kept.size());
  std::iota(sets.begin(), sets.end(), 0);
  if (count < static_cast<std::int64_t>(sets.size()))
    std::nth_element(sets.begin(), sets.begin() + count, sets.end(), Before{kept, scores});
  return sets;
}

// One list's sets in the order in which they go.
std::vector<std::int64_t> order_of(const Kept& kept, const Scores& scores) {
  std::vector<std::int64_t> order(kept.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), Before{kept, scores});
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
  Cost(const layers::Model& model, std::span<const Candidates> lists, Count count) : lists_(lists) {
    model.graph().trace(
        model.batch_shape(1), [&](layers::Module& leaf, const Shape& in, const Shape&) {
          const layers::Macs macs = leaf.macs(in);
          if (macs.dense == 0) return;
          const Parameter weight = layers::weight_of(leaf);
          if (!weight.defined()) return;
          const auto all = static_cast<double>(weight.dense_shape().numel());
          const double each = count == Count::Weights ? 1 : static_cast<double>(macs.dense) / all;
          weights_.push_back({weight, each});
          total_ += each * all;
        });
    if (!model.origin()) return;
    total_ = 0;  // of the network as it once was
    for (const auto& [name, layer] : model.origin()->layers)
      total_ += static_cast<double>(count == Count::Weights ? layer.weights : layer.macs);
  }

  // The share that is gone.
  double total() const { return total_; }
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
  std::span<const Candidates> lists_;
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
  for (const Candidates& list : lists) total += list.count + list.gone + list.gone_beside;
  return total;
}

// Sets that have left for good.
std::int64_t left_of(std::span<const Candidates> lists) {
  std::int64_t total = 0;
  for (const Candidates& list : lists) total += list.gone + list.gone_beside;
  return total;
}

double share_gone(std::span<const Candidates> lists, const std::vector<Kept>& kept) {
  std::int64_t count = left_of(lists);
  for (std::size_t l = 0; l < lists.size(); ++l) count += gone(kept[l]);
  return static_cast<double>(count) / static_cast<double>(total_of(lists));
}

// A set that may go, and when: by its score, or, where each list loses the same share, by its
// place.
struct Ranked {
  bool kept;
  double key;
  Place place;
  friend bool operator<(const Ranked& a, const Ranked& b) {
    if (a.kept != b.kept) return a.kept < b.kept;
    if (a.kept && a.key != b.key) return a.key < b.key;
    return std::tie(a.place.list, a.place.set) < std::tie(b.place.list, b.place.set);
  }
};

// All sets but those that stay for sure: of each list the last ones to go.
std::vector<Ranked> ranked(std::span<const Candidates> lists, std::span<const Scores> scores,
                           const std::vector<Kept>& now, const Scope& scope) {
  std::vector<Ranked> all;
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const std::int64_t count = lists[l].count,
                       may_go = std::max<std::int64_t>(count - scope.floor, 0);
    const std::vector<std::int64_t> sets =
        scope.global ? first_of(now[l], scores[l], may_go) : order_of(now[l], scores[l]);
    const double by = divisor(scores[l], now[l], scope.normalise);
    for (std::int64_t i = 0; i < count; ++i) {
      const bool kept = now[l][sets[i]];
      if (kept && i >= may_go) continue;
      const double key = scope.global ? scores[l][sets[i]] / by
                                      : static_cast<double>(i + 1) / static_cast<double>(count);
      all.push_back({kept, key, {l, sets[i]}});
    }
  }
  return all;
}

std::vector<Kept> without(const std::vector<Kept>& now, const std::vector<Ranked>& order,
                          std::size_t count) {
  std::vector<Kept> kept = now;
  for (std::size_t i = 0; i < count; ++i) kept[order[i].place.list][order[i].place.set] = 0;
  return kept;
}

// The same ratio in each list.
Selection select_local(std::span<const Candidates> lists, std::span<const Scores> scores,
                       double sparsity, const Scope& scope) {
  Selection selection{kept_of(lists)};
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const auto own = scope.ratios.find(lists[l].name);
    const double asked_ratio = own == scope.ratios.end() ? sparsity : own->second;
    check_ratio(asked_ratio, " for " + lists[l].name);
    const auto before = scope.base.lists.find(lists[l].name);
    const double ratio = before == scope.base.lists.end()
                             ? asked_ratio
                             : Base{before->second}.to_original(asked_ratio);
    const std::int64_t all = lists[l].count + lists[l].gone;
    const auto asked = std::llround(ratio * static_cast<double>(all)) - lists[l].gone;
    Kept& kept = selection.kept[l];
    check(asked <= std::max(lists[l].count - scope.floor, gone(kept)), lists[l].name, ": found ",
          "a sparsity of ", ratio, ", which leaves ", lists[l].count - asked, " of ", all, " ",
          name(lists[l].structure), "s, expected at least ", scope.floor);
    const std::vector<std::int64_t> first =
        first_of(kept, scores[l], std::max<std::int64_t>(asked, 0));
    for (std::int64_t i = 0; i < asked; ++i) kept[first[i]] = 0;
  }
  selection.achieved = share_gone(lists, selection.kept);
  return selection;
}

}  // namespace

double sparsity(const layers::Model& model, std::span<const Candidates> lists, Count count) {
  const std::vector<Kept> now = kept_of(lists);
  return count == Count::Sets ? share_gone(lists, now) : Cost(model, lists, count).gone(now);
}

Base base_of(const layers::Model& model, std::span<const Candidates> lists, Count count) {
  Base base{sparsity(model, lists, count)};
  for (const Candidates& list : lists) {
    const std::int64_t all = list.count + list.gone;
    base.lists[list.name] =
        all > 0 ? static_cast<double>(list.gone + gone(kept(list))) / static_cast<double>(all) : 0;
  }
  return base;
}

double original_count(const layers::Model& model, std::span<const Candidates> lists, Count count) {
  return count == Count::Sets ? static_cast<double>(total_of(lists))
                              : Cost(model, lists, count).total();
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
                      [&name = list](const Candidates& c) { return c.name == name; }),
          "sparsity: found a ratio for ", list, ", expected one of the layers that may lose some");
  }
  if (!scope.global && scope.count == Count::Sets)
    return select_local(lists, scores, sparsity, scope);
  sparsity = scope.base.to_original(sparsity);

  const std::vector<Kept> now = kept_of(lists);
  std::vector<Ranked> order = ranked(lists, scores, now, scope);
  if (scope.count == Count::Sets) {
    const std::int64_t away = left_of(lists);
    const auto asked = std::llround(sparsity * static_cast<double>(total_of(lists))) - away;
    check(asked <= static_cast<std::int64_t>(order.size()), "sparsity: found ", sparsity,
          ", which leaves a layer with fewer than ", scope.floor, " ", name(lists[0].structure),
          "s, expected at most ",
          static_cast<double>(order.size() + away) / static_cast<double>(total_of(lists)));
    const auto go = static_cast<std::size_t>(std::max<std::int64_t>(asked, 0));
    if (go < order.size())
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(go), order.end());
    Selection selection{without(now, order, go)};
    selection.achieved = share_gone(lists, selection.kept);
    return selection;
  }
  std::sort(order.begin(), order.end());
  // The fewest that reach the ratio, or one less where that is nearer.
  const Cost cost(model, lists, scope.count);
  const auto achieved = [&](std::size_t count) { return cost.gone(without(now, order, count)); };
  std::size_t low = 0, high = order.size();
  check(achieved(high) >= sparsity, "sparsity: found ", sparsity,
        ", which leaves a layer with fewer than ", scope.floor, " ", name(lists[0].structure),
        "s, expected at most ", achieved(high));
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    achieved(middle) >= sparsity ? high = middle : low = middle + 1;
  }
  if (low > 0 && sparsity - achieved(low - 1) < achieved(low) - sparsity) --low;
  Selection selection{without(now, order, low)};
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
