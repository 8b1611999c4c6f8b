// Criteria of information theory. A unit's response to a picture is the mean of its output there;
// responses are sorted into bins of equal width between the smallest and the largest of the unit
// (after Luo and Wu, 2017). A unit that answers every picture alike has one bin and tells nothing.
#include <algorithm>
#include <map>
#include <utility>

#include "core/parallel.h"
#include "pruning/compaction/slices.h"
#include "pruning/criteria/responses.h"
#include "pruning/criteria/scoring.h"

namespace espalier::pruning {
namespace {

// Few enough that a thousand pictures fill the cells of 16 bins and 10 classes: with P pictures,
// chance alone gives mutual information of about (bins - 1) (classes - 1) / (2 P ln 2) bits.
constexpr int kBins = 16;

double entropy_of(const std::vector<std::int64_t>& counts, double total) {
  double bits = 0;
  for (const std::int64_t count : counts)
    if (count > 0) {
      const double p = static_cast<double>(count) / total;
      bits -= p * std::log2(p);
    }
  return bits;
}

// The bin of each response. Empty where one is no number: there is no score then.
std::vector<int> bins_of(const std::vector<float>& responses) {
  if (!std::all_of(responses.begin(), responses.end(), [](float r) { return std::isfinite(r); }))
    return {};
  const auto [low, high] = std::minmax_element(responses.begin(), responses.end());
  const double first = *low, width = (static_cast<double>(*high) - first) / kBins;
  std::vector<int> bins;
  for (const float response : responses)
    bins.push_back(width > 0 ? std::min(kBins - 1, static_cast<int>((response - first) / width))
                             : 0);
  return bins;
}

double response_entropy(const std::vector<int>& bins, const std::vector<int>&, int) {
  std::vector<std::int64_t> counts(kBins, 0);
  for (const int bin : bins) ++counts[bin];
  return entropy_of(counts, static_cast<double>(bins.size()));
}

// I(R; Y) = H(R) + H(Y) - H(R, Y)
double information(const std::vector<int>& bins, const std::vector<int>& classes, int count) {
  std::vector<std::int64_t> of_classes(count, 0), joint(static_cast<std::size_t>(count) * kBins, 0);
  for (std::size_t n = 0; n < bins.size(); ++n) {
    ++of_classes[classes[n]];
    ++joint[static_cast<std::size_t>(classes[n]) * kBins + bins[n]];
  }
  const double total = static_cast<double>(bins.size());
  const double bits = response_entropy(bins, classes, count) + entropy_of(of_classes, total) -
                      entropy_of(joint, total);
  return std::max(0.0, bits);  // rounding
}

// The responses of all units of a view, [unit][picture].
using Responses = std::vector<std::vector<float>>;

std::vector<std::vector<Responses>> responses_of(std::span<const Candidates> lists,
                                                 Evidence& evidence) {
  std::vector<std::vector<Responses>> all;
  for (const Candidates& list : lists)
    all.emplace_back(list.shown_by.size(), Responses(list.count));
  each_view(
      lists, evidence, [&](std::size_t l, std::size_t v, const Tensor& output, const Examples&) {
        const PerImage sums = sum_pixels(output, [](auto x) { return x; });
        const auto channels = slices_by_unit(lists[l].shown_by[v].units, lists[l].count);
        for (std::int64_t u = 0; u < lists[l].count; ++u)
          for (std::int64_t n = 0; n < sums.images; ++n) {
            float sum = 0;
            for (const std::int64_t c : channels[u]) sum += sums.of(c)[n];
            all[l][v][u].push_back(sum / static_cast<float>(sums.pixels * std::ssize(channels[u])));
          }
      });
  return all;
}

// The class of each picture as a number from 0 on.
std::vector<int> classes_of(const Evidence& evidence, int& count) {
  std::map<std::int32_t, int> known;
  std::vector<int> classes;
  for (const Examples& batch : evidence.batches())
    for (const std::int32_t label : batch.labels)
      classes.push_back(known.emplace(label, static_cast<int>(known.size())).first->second);
  count = static_cast<int>(known.size());
  return classes;
}

using Measure = double (*)(const std::vector<int>& bins, const std::vector<int>& classes,
                           int class_count);

Criterion of_responses(const char* name, Measure measure) {
  const auto score = [measure](std::span<const Candidates> lists, Evidence& evidence) {
    int class_count = 0;
    const std::vector<int> classes = classes_of(evidence, class_count);
    std::vector<Scores> all;
    for (const std::vector<Responses>& views : responses_of(lists, evidence)) {
      Scores scores(views.at(0).size(), 0);
      for (const Responses& units : views)
        parallel_for(static_cast<std::int64_t>(units.size()), [&](std::int64_t u) {
          const std::vector<int> bins = bins_of(units[u]);
          scores[u] += bins.empty() ? std::nan("")
                                    : measure(bins, classes, class_count) /
                                          static_cast<double>(views.size());
        });
      all.push_back(scores);
    }
    return all;
  };
  return checked({.name = name,
                  .score = score,
                  .refuses = [](Structure s) { return only_units(s, "output of their own"); },
                  .needs_data = true});
}

}  // namespace

Criterion entropy() { return of_responses("entropy", response_entropy); }

Criterion mutual_information() { return of_responses("mutual-information", information); }

}  // namespace espalier::pruning
