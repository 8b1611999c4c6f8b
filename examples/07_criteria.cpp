// Lesson 7: criteria side by side. Nine criteria judge the 64 filters of conv2. Who agrees with
// whom, and who with the truth? The truth can be had for one layer: remove each filter by itself
// and measure what the loss becomes. Ranks are compared (Spearman's correlation: 1 the same order,
// 0 none in common, -1 the reverse), and the quarter that would go first.
//
//   build/examples/07_criteria [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of the generated set.
//
// Prints:
//   ...
//   rank correlation    truth  magni  weigh  taylo  fishe    obs  entro  varia  geome  rando
//   truth                1.00   0.92   0.93   0.94   0.96   0.94   0.19   0.95   0.93   0.02
//   ...
//   random               0.02   0.07   0.06   0.00   0.02   0.05   0.21  -0.02   0.08   1.00
//   without the lowest quarter by    shared with truth    loss   accuracy
//   truth                                  16 of 16     0.079     96.2 %  ###################
//   ...
//   random                                  6 of 16     0.371     84.6 %  #################
//   nothing removed                                     0.076     96.7 %
#include "course/course.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

using namespace espalier;

namespace {

struct Judge {
  std::string name;
  pruning::Scores scores;
};

double loss_of(const layers::Model& model, const std::vector<pruning::Examples>& batches) {
  const layers::EvaluationMode mode(model);
  const NoGrad off;
  double sum = 0, count = 0;
  for (const pruning::Examples& batch : batches) {
    const auto n = static_cast<double>(batch.labels.size());
    sum += n *
           static_cast<double>(cross_entropy(outputs_of(model, batch.images), batch.labels).item());
    count += n;
  }
  return sum / count;
}

layers::Model without(const layers::Model& model, const pruning::Kept& kept) {
  const layers::Model copy = model.clone();
  pruning::remove(pruning::candidates(copy, {.structure = pruning::Filter, .only = {"conv2"}})[0],
                  kept);
  return copy;
}

// What the loss grows by without one filter, for each.
pruning::Scores truth(const layers::Model& model, const std::vector<pruning::Examples>& batches,
                      std::int64_t filters) {
  pruning::Scores growth;
  const double before = loss_of(model, batches);
  for (std::int64_t f = 0; f < filters; ++f) {
    pruning::Kept kept(static_cast<std::size_t>(filters), 1);
    kept[static_cast<std::size_t>(f)] = 0;
    growth.push_back(loss_of(without(model, kept), batches) - before);
  }
  return growth;
}

// The place of each filter, from the lowest score up; of equal ones the first is lower.
std::vector<int> ranks(const pruning::Scores& scores) {
  std::vector<int> order(scores.size()), rank(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return scores[a] < scores[b]; });
  for (int place = 0; place < static_cast<int>(order.size()); ++place) rank[order[place]] = place;
  return rank;
}

double spearman(const pruning::Scores& a, const pruning::Scores& b) {
  const auto x = ranks(a), y = ranks(b);
  double squares = 0;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) squares += std::pow(x[i] - y[i], 2);
  return 1 - 6 * squares / (n * (n * n - 1));
}

void run(const datasets::Data& all) {
  const layers::Model model = course::trained_convnet(all);
  const auto [data, validation] = course::hold_out(all);
  const auto batches = course::examples(data.train, 1024);
  pruning::Evidence evidence(model, batches);
  const std::vector<pruning::Candidates> filters =
      pruning::candidates(model, {.structure = pruning::Filter, .only = {"conv2"}});

  std::vector<Judge> judges = {{"truth", truth(model, batches, filters[0].count)}};
  for (const char* name : {"magnitude", "weighted", "taylor", "fisher", "obs", "entropy",
                           "variance", "geometric-median", "random"}) {
    const pruning::Criterion criterion = pruning::criterion(name);
    if (!criterion.refuses || criterion.refuses(pruning::Filter).empty()) {
      judges.push_back({name, criterion.score(filters, evidence)[0]});
      continue;
    }
    // OBS judges single weights: what the loss grows by without one, when the others make up for
    // it. A filter is given the sum of its weights. That is not what OBS says of a filter, for it
    // leaves out that they go together: read the row with that in mind.
    const auto weights =
        pruning::candidates(model, {.structure = pruning::Weight, .only = {"conv2"}});
    const pruning::Scores each = criterion.score(weights, evidence)[0];
    pruning::Scores sums(static_cast<std::size_t>(filters[0].count));
    for (std::size_t i = 0; i < each.size(); ++i) sums[i / (each.size() / sums.size())] += each[i];
    judges.push_back({name, sums});
  }

  std::printf("rank correlation  ");
  for (const Judge& judge : judges) std::printf(" %6.5s", judge.name.c_str());
  std::printf("\n");
  for (const Judge& row : judges) {
    std::printf("%-18s", row.name.c_str());
    for (const Judge& column : judges) std::printf(" %6.2f", spearman(row.scores, column.scores));
    std::printf("\n");
  }

  // The quarter that goes first, all at once. The truth about single filters is not the truth about
  // sixteen together: two that do the same work are each worth nothing, and both much. So the first
  // row need not be the best one; on CIFAR-10 it is no better than the last.
  std::printf("without the lowest quarter by    shared with truth    loss   accuracy\n");
  const auto first = [&](const Judge& judge) {
    pruning::Kept kept;
    for (const int rank : ranks(judge.scores)) kept.push_back(4 * rank >= filters[0].count);
    return kept;
  };
  for (const Judge& judge : judges) {
    const pruning::Kept kept = first(judge), best = first(judges[0]);
    int both = 0;
    for (std::size_t f = 0; f < kept.size(); ++f) both += !kept[f] && !best[f];
    const layers::Model pruned = without(model, kept);
    const double accuracy = course::accuracy(pruned, validation);
    std::printf("%-32s %8d of %lld %9.3f %8.1f %%  %s\n", judge.name.c_str(), both,
                static_cast<long long>(filters[0].count / 4), loss_of(pruned, batches),
                100 * accuracy, course::bar(accuracy, 20).c_str());
  }
  std::printf("%-49s %7.3f %8.1f %%\n", "nothing removed", loss_of(model, batches),
              100 * course::accuracy(model, validation));
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
