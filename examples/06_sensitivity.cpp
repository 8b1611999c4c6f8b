// Lesson 6: sensitivity. One group of units at a time is pruned, more and more, and the accuracy
// measured: groups differ, and one ratio for all wastes what some can spare. Ratios for each group
// are then read off the curves. All of this on pictures held out of training, which the network has
// never seen; the test pictures are asked once, about what was chosen.
//
//   build/examples/06_sensitivity [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of CIFAR-10.
//
// Prints:
//   ...
//   group   units
//   conv1
//   conv2
//   fc1
//   may lose two points each, chosen: conv1 50 %, conv2 37.5 %, fc1 87.5 %
//   ...
//   all three at once
//   the same share of each, as many multiply-adds
//   ...
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
  std::printf("may lose two points each, chosen:");
  for (const auto& [name, share] : chosen)
    std::printf("%s %s %.1f %%", name == chosen.begin()->first ? "" : ",", name.c_str(),
                100 * share);
  std::printf("\n");

  // Each curve was measured with everything else whole. Together the groups may lose more than the
  // sum, since each spoils the input that the next was judged on; so the choice is measured too.
  const layers::Model narrow = prune_groups(model, chosen, batches);
  // The rival: one share for all groups, with as many multiply-adds as nearly as may be.
  const auto off = [&](const layers::Model& m) { return std::abs(macs(m) - macs(narrow)); };
  layers::Model same = model;
  for (int part = 1; part < 32 && macs(same) > macs(narrow); ++part) {
    std::map<std::string, double> shares = chosen;
    for (auto& [name, share] : shares) share = part / 32.0;
    const layers::Model next = prune_groups(model, shares, batches);
    if (off(next) > off(same)) break;
    same = next;
  }
  std::printf("%-42s  validation    test  multiply-adds\n", "");
  const auto line = [&](const char* name, const layers::Model& m) {
    std::printf("%-42s %8.1f %% %6.1f %% %9.2f million\n", name, 100 * accuracy(m),
                100 * course::accuracy(m, data.test), macs(m) / 1e6);
  };
  line("dense", model);
  line("all three at once", narrow);
  line("the same share of each", same);
  course::draw("06_sensitivity", chart);
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
