// A selection is a prefix of an order: sets that are gone already come first, then the others from
// the lowest score up, of equal ones the first; but for those that a list has to keep. The order is
// a total one, so that no sort can change it.
#include "pruning/select.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "layers/layers.h"
#include "pruning/schedule.h"

namespace espalier::pruning {
namespace {

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

// A set that may go, and when: by its score, or, where each list loses the same share of the
// network's cost, by its place.
struct Ranked {
  bool kept;
  double key;
  std::size_t list;
  std::int64_t set;
  friend bool operator<(const Ranked& a, const Ranked& b) {
    if (a.kept != b.kept) return a.kept < b.kept;
    if (a.kept && a.key != b.key) return a.key < b.key;
    return std::tie(a.list, a.set) < std::tie(b.list, b.set);
  }
};

// The first `count` come first, in no order among themselves: of millions of weights a whole order
// would take seconds.
void bring_forward(std::vector<Ranked>& sets, std::int64_t count) {
  if (count < std::ssize(sets))
    std::nth_element(sets.begin(), sets.begin() + std::max<std::int64_t>(count, 0), sets.end());
}

// Sets [begin, end) of a list, of which those that go first come first, `count` of them.
std::vector<Ranked> first_of(std::size_t list, const Kept& kept, const Scores& scores,
                             std::int64_t begin, std::int64_t end, std::int64_t count) {
  std::vector<Ranked> sets;
  sets.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) sets.push_back({kept[i] != 0, scores[i], list, i});
  bring_forward(sets, count);
  return sets;
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

  double total() const { return total_; }
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
  std::span<const Candidates> lists_;
  std::vector<std::pair<Parameter, double>> weights_;
  double total_ = 0;
};

std::vector<Kept> kept_of(std::span<const Candidates> lists) {
  std::vector<Kept> all;
  for (const Candidates& list : lists) all.push_back(kept(list));
  return all;
}

// Sets that have left for good, and all that there ever were.
struct Tally {
  explicit Tally(std::span<const Candidates> lists) {
    for (const Candidates& list : lists) left += list.gone + list.gone_beside, all += list.count;
    all += left;
  }
  std::int64_t left = 0, all = 0;
};

double share_gone(std::span<const Candidates> lists, const std::vector<Kept>& kept) {
  const Tally tally(lists);
  std::int64_t count = tally.left;
  for (const Kept& list : kept) count += gone(list);
  return static_cast<double>(count) / static_cast<double>(tally.all);
}

// All sets but those that stay for sure: of each list the last ones to go.
std::vector<Ranked> ranked(std::span<const Candidates> lists, std::span<const Scores> scores,
                           const std::vector<Kept>& now, const Scope& scope) {
  std::vector<Ranked> all;
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const std::int64_t count = lists[l].count, may_go = count - scope.floor;
    std::vector<Ranked> sets = first_of(l, now[l], scores[l], 0, count, may_go);
    if (!scope.global) std::sort(sets.begin(), sets.end());
    const double by = divisor(scores[l], now[l], scope.normalise);
    for (std::int64_t i = 0; i < count; ++i) {
      if (sets[i].kept && i >= may_go) continue;
      sets[i].key =
          scope.global ? sets[i].key / by : static_cast<double>(i + 1) / static_cast<double>(count);
      all.push_back(sets[i]);
    }
  }
  return all;
}

// What is kept when the first `count` go.
std::vector<Kept> without(std::vector<Kept> kept, const std::vector<Ranked>& order,
                          std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) kept[order[i].list][order[i].set] = 0;
  return kept;
}

Selection of_sets(std::span<const Candidates> lists, std::vector<Kept> kept) {
  const double achieved = share_gone(lists, kept);
  return {std::move(kept), achieved};
}

// The same ratio in each list.
Selection select_local(std::span<const Candidates> lists, std::span<const Scores> scores,
                       double sparsity, const Scope& scope) {
  std::vector<Kept> all = kept_of(lists);
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const std::string& name = lists[l].name;
    const auto own = scope.ratios.find(name);
    double ratio = own == scope.ratios.end() ? sparsity : own->second;
    check_sparsity(ratio, " for " + name);
    if (const auto before = scope.base.lists.find(name); before != scope.base.lists.end())
      ratio = Base{before->second}.to_original(ratio);
    const std::int64_t sets = lists[l].count + lists[l].gone;
    const auto asked = std::llround(ratio * static_cast<double>(sets)) - lists[l].gone;
    Kept& kept = all[l];
    check(asked <= std::max(lists[l].count - scope.floor, gone(kept)), name,
          ": found a sparsity of ", ratio, ", which leaves ", lists[l].count - asked, " of ", sets,
          " ", pruning::name(lists[l].structure), "s, expected at least ", scope.floor);
    const auto first = first_of(l, kept, scores[l], 0, lists[l].count, asked);
    for (std::int64_t i = 0; i < asked; ++i) kept[first[i].set] = 0;
  }
  return of_sets(lists, std::move(all));
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
  return count == Count::Sets ? static_cast<double>(Tally(lists).all)
                              : Cost(model, lists, count).total();
}

Selection select(const layers::Model& model, std::span<const Candidates> lists,
                 std::span<const Scores> scores, double sparsity, const Scope& scope) {
  check_sparsity(sparsity);
  check(scope.floor >= 0, "floor: found ", scope.floor, ", expected 0 or more");
  check_scores(lists, scores);
  for (const auto& [list, ratio] : scope.ratios) {
    check_sparsity(ratio, " for " + list);
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
  const auto check_most = [&](bool enough, double most) {
    check(enough, "sparsity: found ", sparsity, ", which leaves a layer with fewer than ",
          scope.floor, " ", name(lists[0].structure), "s, expected at most ", most);
  };
  if (scope.count == Count::Sets) {
    const Tally tally(lists);
    const auto all = static_cast<double>(tally.all);
    const auto asked = std::llround(sparsity * all) - tally.left;
    check_most(asked <= std::ssize(order),
               static_cast<double>(std::ssize(order) + tally.left) / all);
    bring_forward(order, asked);
    return of_sets(lists, without(now, order, std::max<std::int64_t>(asked, 0)));
  }
  std::sort(order.begin(), order.end());
  // The fewest that reach the ratio, or one less where that is nearer.
  const Cost cost(model, lists, scope.count);
  const auto achieved = [&](std::size_t count) { return cost.gone(without(now, order, count)); };
  std::size_t low = 0, high = order.size();
  check_most(achieved(high) >= sparsity, achieved(high));
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    achieved(middle) >= sparsity ? high = middle : low = middle + 1;
  }
  if (low > 0 && sparsity - achieved(low - 1) < achieved(low) - sparsity) --low;
  return {without(now, order, low), achieved(low)};
}

Selection select_pattern(std::span<const Candidates> lists, std::span<const Scores> scores, int n,
                         int m) {
  check(n >= 1 && n < m, "n:m: found ", n, ":", m, ", expected n at least 1 and below m");
  check_scores(lists, scores);
  std::vector<Kept> all = kept_of(lists);
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const Parameter& weight = lists[l].members.at(0).parameter;
    const std::int64_t columns = weight.numel() / weight.size(0);
    for (std::int64_t row = 0; row < weight.numel(); row += columns)
      for (std::int64_t first = 0; first < columns; first += m) {
        const std::int64_t size = std::min<std::int64_t>(m, columns - first);
        const std::int64_t go = size - (n * size + m - 1) / m, at = row + first;
        const auto order = first_of(l, all[l], scores[l], at, at + size, go);
        for (std::int64_t i = 0; i < go; ++i) all[l][order[i].set] = 0;
      }
  }
  return of_sets(lists, std::move(all));
}

Selection select_above(std::span<const Candidates> lists, std::span<const Scores> scores,
                       double cut, std::int64_t floor) {
  check(floor >= 0, "floor: found ", floor, ", expected 0 or more");
  check_scores(lists, scores);
  std::vector<Kept> all = kept_of(lists);
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const std::int64_t may_go = lists[l].count - floor;
    const auto order = first_of(l, all[l], scores[l], 0, lists[l].count, may_go);
    for (std::int64_t i = 0; i < may_go; ++i)
      if (order[i].key < cut) all[l][order[i].set] = 0;
  }
  return of_sets(lists, std::move(all));
}

}  // namespace espalier::pruning
