// Lesson 6: sensitivity. One group of units at a time is pruned, more and more, and the accuracy
// measured: groups differ, and what one can spare ruins another. Ratios for each group are then
// read off the curves. All of this on pictures held out of training, which the network has never
// seen; the test pictures are asked once, about what was chosen.
//
//   build/examples/06_sensitivity [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of the generated set.
//
// Prints:
//   ...
//   group   units   12.5   25.0   37.5   50.0   62.5   75.0   87.5  % gone
//   conv1      32   96.1   95.4   94.4   90.6   87.6   58.3   29.3
//   conv2      64   96.8   96.9   96.6   95.4   88.7   84.5   68.0
//   fc1       512   96.7   96.7   96.6   96.7   96.0   92.4   70.5
//   dense 96.7 %, +- 0.6 by the number of pictures
//   ...
//                            validation     test   multiply-adds   parameters
//   dense                        96.7 %   95.9 %    7.71 million      2122186
//   all three at once            93.1 %   93.3 %    2.83 million       402954
//   the same share of each       90.4 %   90.6 %    2.93 million       749750
//   lessons/06_sensitivity.svg: drawn
#include "course/course.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace espalier;

namespace {

constexpr double kMayLose = 0.02;

pruning::Method by(pruning::Structure structure) {
  return {.structure = structure, .criterion = pruning::taylor()};
}

// Each group loses its share; the network is then made smaller, so that its multiply-adds are
// those of what is left.
layers::Model prune_groups(const layers::Model& model, const std::map<std::string, double>& shares,
                           std::vector<pruning::Examples> batches) {
  const layers::Model copy = model.clone();
  pruning::Evidence evidence(copy, std::move(batches));
  for (const auto structure : {pruning::Filter, pruning::Neuron}) {
    pruning::Method method = by(structure);
    for (const pruning::Candidates& list : pruning::candidates(copy, target_of(method)))
      method.scope.ratios[list.name] = shares.at(list.name);
    pruning::prune(copy, method, 0, evidence);
  }
  pruning::shrink(copy);
  return copy;
}

double macs(const layers::Model& model) {
  return static_cast<double>(layers::summary(model).total.macs.dense);
}

void run(const datasets::Data& all) {
  const layers::Model model = course::trained_convnet(all);
  const auto [data, validation] = course::hold_out(all);
  // The criterion judges by training pictures, the curve is measured on the held-out ones.
  const auto batches = course::examples(data.train, 1024);
  const auto accuracy = [&](const layers::Model& m) { return course::accuracy(m, validation); };
  const std::vector<double> sparsities = {0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875};

  pruning::Sensitivity found;
  for (const auto structure : {pruning::Filter, pruning::Neuron}) {
    const auto some = pruning::sensitivity(model, by(structure), accuracy,
                                           {.sparsities = sparsities, .batches = batches});
    found.dense = some.dense;
    found.lists.insert(found.lists.end(), some.lists.begin(), some.lists.end());
  }

  charts::Chart chart{.title = "Accuracy against sparsity, one group at a time",
                      .subtitle = data.name + ", pictures held out of training",
                      .x = {.label = "Sparsity of the group", .percent = true, .include = 0},
                      .y = {.label = "Accuracy", .percent = true},
                      .level = found.dense,
                      .level_name = "dense"};
  std::printf("group   units");
  for (const double sparsity : sparsities) std::printf("%7.1f", 100 * sparsity);
  std::printf("  %% gone\n");
  std::map<std::string, double> chosen;
  for (const auto& list : found.lists) {
    charts::ChartSeries series{.name = list.name, .points = {{0, found.dense}}};
    std::printf("%-8s%5lld", list.name.c_str(), static_cast<long long>(list.sets));
    chosen[list.name] = 0;
    bool holds = true;  // until the curve falls below what may be lost, for the first time
    for (const auto& point : list.points) {
      std::printf("%7.1f", 100 * point.accuracy);
      series.points.push_back({point.achieved, point.accuracy});
      holds &= point.accuracy >= found.dense - kMayLose;
      if (holds) chosen[list.name] = point.achieved;
    }
    std::printf("\n");
    chart.series.push_back(series);
  }
  const double n = static_cast<double>(validation.size());
  std::printf("dense %.1f %%, +- %.1f by the number of pictures\n", 100 * found.dense,
              100 * std::sqrt(found.dense * (1 - found.dense) / n));
  std::printf("may lose %g points each, chosen:", 100 * kMayLose);
  for (const auto& [name, share] : chosen)
    std::printf("%s %s %.1f %%", name == chosen.begin()->first ? "" : ",", name.c_str(),
                100 * share);
  std::printf("\n");

  // Each curve was measured with everything else whole. Together the groups may lose more than the
  // sum, since each spoils the input that the next was judged on; so the choice is measured too.
  const layers::Model narrow = prune_groups(model, chosen, batches);
  // The rival: one share for all groups, with as many multiply-adds as nearly as may be. Where it
  // is as good, the curves have still told which group's units were to be had for nothing.
  const auto off = [&](const layers::Model& m) { return std::abs(macs(m) - macs(narrow)); };
  layers::Model same = model;
  for (int part = 1; part < 32 && macs(same) > macs(narrow); ++part) {
    std::map<std::string, double> shares = chosen;
    for (auto& [name, share] : shares) share = part / 32.0;
    const layers::Model next = prune_groups(model, shares, batches);
    if (off(next) > off(same)) break;
    same = next;
  }
  std::printf("%-24s validation     test   multiply-adds   parameters\n", "");
  const auto line = [&](const char* name, const layers::Model& m) {
    std::printf("%-24s %8.1f %% %6.1f %% %7.2f million %12lld\n", name, 100 * accuracy(m),
                100 * course::accuracy(m, data.test), macs(m) / 1e6,
                static_cast<long long>(layers::summary(m).total.parameters));
  };
  line("dense", model);
  line("all three at once", narrow);
  line("the same share of each", same);
  course::draw("06_sensitivity", chart);
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
