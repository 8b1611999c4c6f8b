// Criteria of the first derivative of the loss.
#include <algorithm>
#include <utility>

#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

// What a batch adds to each list's scores: finish(sum of value(g, w)) of each set, over the members
// that members_of(list) gives. The mean over batches.
template <class Members, class Value, class Finish>
Criterion batch_mean(const char* name, const Members& members_of, const Value& value,
                     const Finish& finish) {
  const auto score = [=](std::span<const Candidates> lists, Evidence& evidence) {
    std::vector<Scores> all;
    std::vector<std::vector<Member>> members;
    for (const Candidates& list : lists) {
      all.emplace_back(list.count, 0);
      members.push_back(members_of(list));
    }
    const auto batches = static_cast<double>(evidence.batches().size());
    evidence.each_batch([&](const Examples&) {
      for (std::size_t l = 0; l < lists.size(); ++l) {
        Scores sums(lists[l].count, 0);
        for (const Member& member : members[l]) {
          const Tensor gradient = member.parameter.grad();
          if (!gradient.defined()) continue;
          const float *g = gradient.data(), *w = member.parameter.data();
          add_each(member, sums, [&](std::int64_t i) {
            return value(static_cast<double>(g[i]), static_cast<double>(w[i]));
          });
        }
        for (std::size_t set = 0; set < sums.size(); ++set)
          all[l][set] += finish(sums[set]) / batches;
      }
    });
    return all;
  };
  return checked({.name = name, .score = score, .needs_data = true});
}

// The members that count for a norm.
std::vector<Member> counted(const Candidates& list) {
  std::vector<Member> members;
  for (const Member& member : list.members)
    if (counts(list, member)) members.push_back(member);
  return members;
}

}  // namespace

Criterion gradient() {
  return batch_mean(
      "gradient", counted, [](double g, double) { return g * g; },
      [](double sum) { return std::sqrt(sum); });
}

Criterion taylor() {
  return batch_mean(
      "taylor", gates, [](double g, double w) { return g * w; },
      [](double sum) { return std::abs(sum); });
}

Criterion snip() {
  const auto score = [](std::span<const Candidates> lists, Evidence& evidence) {
    // Members that count, with the gradient of the mean loss over all pictures.
    struct Sum {
      std::size_t list;
      const Member* member;
      std::vector<double> gradient;
    };
    std::vector<Sum> sums;
    for (std::size_t l = 0; l < lists.size(); ++l)
      for (const Member& member : lists[l].members)
        if (counts(lists[l], member))
          sums.push_back({l, &member, std::vector<double>(member.parameter.numel(), 0)});
    double pictures = 0;
    for (const Examples& batch : evidence.batches())
      pictures += static_cast<double>(batch.labels.size());
    evidence.each_batch([&](const Examples& batch) {
      const double share = static_cast<double>(batch.labels.size()) / pictures;
      for (Sum& sum : sums) {
        const Tensor gradient = sum.member->parameter.grad();
        if (!gradient.defined()) continue;
        const float* g = gradient.data();
        for (std::size_t i = 0; i < sum.gradient.size(); ++i)
          sum.gradient[i] += share * static_cast<double>(g[i]);
      }
    });
    std::vector<Scores> all;
    for (const Candidates& list : lists) all.emplace_back(list.count, 0);
    for (const Sum& sum : sums) {
      const float* w = sum.member->parameter.data();
      add_each(*sum.member, all[sum.list],
               [&](std::int64_t i) { return std::abs(sum.gradient[i] * w[i]); });
    }
    return all;
  };
  return checked({.name = "snip", .score = score, .needs_data = true});
}

}  // namespace espalier::pruning
