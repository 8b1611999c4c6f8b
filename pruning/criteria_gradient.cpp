// Criteria of the first derivative of the loss.
#include <algorithm>
#include <utility>

#include "pruning/scoring.h"

namespace espalier::pruning {
namespace {

// What a batch adds to each list's scores: finish(sum of value(g, w)) of each set. The mean over
// batches.
template <class Counts, class Value, class Finish>
Criterion batch_mean(const char* name, const Counts& counted, const Value& value,
                     const Finish& finish) {
  return checked({.name = name,
                  .score =
                      [=](std::span<const Candidates> lists, Evidence& evidence) {
                        std::vector<Scores> all;
                        for (const Candidates& list : lists) all.emplace_back(list.count, 0);
                        const auto batches = static_cast<double>(evidence.batches().size());
                        evidence.each_batch([&](const Examples&) {
                          for (std::size_t l = 0; l < lists.size(); ++l) {
                            Scores sums(lists[l].count, 0);
                            for (std::size_t m = 0; m < lists[l].members.size(); ++m) {
                              const Member& member = lists[l].members[m];
                              const Tensor gradient = member.parameter.grad();
                              if (!gradient.defined() || !counted(lists[l], m)) continue;
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
                      },
                  .needs_data = true});
}

// Whether a member is part of the gate of its set: a factor 1 on what the set sends on, whose
// derivative is the sum of g w over the elements that what is sent is linear in. That is the scale
// and shift of the batch norm behind a layer, or else its weights and bias. Removal closes the
// gate.
bool in_gate(const Candidates& list, std::size_t m) {
  const std::vector<Member>& members = list.members;
  const Part part = members[m].part;
  if (!is_unit(list.structure) && list.structure != Structure::Layer) return true;
  if (part == Part::Input) return false;
  const bool layers = list.structure == Structure::Layer;
  // Of several layers in a row the last one holds the gate.
  for (std::size_t next = m + 1; layers && next < members.size(); ++next)
    if (members[next].first == members[m].first && members[next].part == Part::Weight) return false;
  if (part == Part::Scale || part == Part::Shift) return true;
  std::size_t next = m + 1;
  while (next < members.size() && members[next].part == Part::Bias) ++next;
  return next == members.size() || members[next].part != Part::Scale ||
         members[next].first != members[m].first;
}

}  // namespace

Criterion gradient() {
  return batch_mean(
      "gradient",
      [](const Candidates& list, std::size_t m) { return counts(list, list.members[m]); },
      [](double g, double) { return g * g; }, [](double sum) { return std::sqrt(sum); });
}

Criterion taylor() {
  return batch_mean(
      "taylor", in_gate, [](double g, double w) { return g * w; },
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
