// Lesson 14: the whole story, with a budget.
//
// "Half of the multiply-adds, a quarter of the bytes, at most one point of accuracy lost." First
// filters leave, for multiply-adds; then single weights, for bytes. Each step takes a little more,
// compacts, so that training gets faster, trains for a while, and asks the validation pictures:
// when a step costs more than the budget allows, the network before it is the answer. The test
// pictures are looked at once, at the end: they have chosen nothing, so they may judge. Beside the
// small network stands the dense one trained as long, or what the additional epochs gave would be
// counted as pruning's.
//
//   make && build/examples/14_budget [FOLDER]
//
// Prints:
//   ...
//   step               multiply-adds    bytes  validation
//   dense                    100.0 %  100.0 %      96.7 %  #######################################
//   filters 30 %              69.6 %   65.7 %      96.3 %  #######################################
//   ...
//   the test pictures, once
//                      right           multiply-adds    bytes  ms of 128 pictures
//   dense              95.9 % +- 0.4        7705600  8490368  5.08  ##############################
//   dense, as long     98.6 % +- 0.3        7705600  8490368  4.97  #############################
//   small              97.9 % +- 0.3        2859430  1912970  2.50  ###############
//   ...
//   lessons/14_budget.svg: drawn
#include "course/course.h"

#include <cstdio>
#include <filesystem>

using namespace espalier;
using layers::Model;

constexpr double kMostMacs = 0.5, kMostBytes = 0.25, kMostLost = 0.01;

struct Cost {
  double macs = 0, bytes = 0;  // multiply-adds for a picture with weights that are there; of a file
};

Cost cost(const Model& model) {
  std::filesystem::create_directories("lessons");
  const std::string file = "lessons/14_budget.safetensors";
  layers::save(model, file);  // without what the optimiser keeps
  return {static_cast<double>(layers::summary(model).total.macs.nonzero),
          static_cast<double>(std::filesystem::file_size(file))};
}

int epochs_of_step(const datasets::Data& data) { return course::enough_epochs(data.train) / 2; }

// A smaller network: prunes to this share of all there were, of the multiply-adds for filters, of
// the weights for weights; takes out what is gone, and trains a little.
Model smaller(const Model& model, const datasets::Data& data, pruning::Structure structure,
              double share) {
  const Model next = model.clone();
  const bool filters = structure == pruning::Filter;
  pruning::Evidence evidence(next, course::examples(data.train, 1024));
  pruning::prune(next,
                 {.structure = structure,
                  .criterion = filters ? pruning::taylor() : pruning::magnitude(),
                  .scope = {.global = true,
                            .count = filters ? pruning::Count::Macs : pruning::Count::Weights}},
                 share, evidence);
  pruning::compact(next, {.training = true});  // an error, should the outputs differ
  course::train(next, data, {.epochs = epochs_of_step(data), .lr = 0.03f});
  return next;
}

void lesson(const datasets::Data& given) {
  const auto [data, validation] = course::hold_out(given);
  const Model dense = course::trained_convnet(given);  // which has not seen the validation pictures
  const Cost full = cost(dense);
  const double floor = course::accuracy(dense, validation) - kMostLost;

  charts::Chart chart{.title = "Until the budget is met",
                      .x = {.label = "bytes, of the dense network", .percent = true},
                      .y = {.label = "validation accuracy", .percent = true},
                      .series = {{.name = "filters"}, {.name = "weights"}},
                      .level = floor,
                      .level_name = "budget"};
  const auto show = [&](const char* name, double share, const Model& model) {
    const Cost now = cost(model);
    const double right = course::accuracy(model, validation);
    char label[32];
    std::snprintf(label, sizeof label, share > 0 ? "%s %.0f %%" : "%s", name, 100 * share);
    std::printf("%-17s  %11.1f %%  %5.1f %%  %8.1f %%  %s\n", label, 100 * now.macs / full.macs,
                100 * now.bytes / full.bytes, 100 * right, course::bar(right).c_str());
    auto& filters = chart.series[0].points;
    auto& weights = chart.series[1].points;  // goes on where filters end
    if (name[0] == 'w' && weights.empty()) weights.push_back(filters.back());
    (name[0] == 'w' ? weights : filters).push_back({now.bytes / full.bytes, right});
    return right;
  };

  std::printf("step               multiply-adds    bytes  validation\n");
  show("dense", 0, dense);
  Model small = dense;
  int epochs = 0;
  for (const auto structure : {pruning::Filter, pruning::Weight}) {
    const bool filters = structure == pruning::Filter;
    for (const double share : filters ? std::vector{0.3, 0.5} : std::vector{0.85, 0.9}) {
      const Cost now = cost(small);
      if (filters ? now.macs <= kMostMacs * full.macs : now.bytes <= kMostBytes * full.bytes) break;
      const Model next = smaller(small, data, structure, share);
      epochs += epochs_of_step(data);
      if (show(filters ? "filters" : "weights", share, next) < floor) {
        std::printf("too much: back to the network before\n");
        break;
      }
      small = next;
    }
  }
  const Model control = dense.clone();
  course::train(control, data, {.epochs = epochs, .lr = 0.03f});

  const Tensor x = course::examples(data.test, 128).at(0).images;
  const std::vector<std::pair<const char*, Model>> shown = {
      {"dense", dense}, {"dense, as long", control}, {"small", small}};
  const NoGrad off;
  std::vector<std::function<void()>> works;
  for (const auto& [name, model] : shown) {
    model.eval();
    works.push_back([&] { outputs_of(model, x); });
  }
  const std::vector<double> ms = course::milliseconds(works);
  std::printf(
      "the test pictures, once\n%-17s  right           multiply-adds    bytes  "
      "ms of 128 pictures\n",
      "");
  std::vector<double> right;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto& [name, model] = shown[i];
    right.push_back(course::accuracy(model, data.test));
    const Cost now = cost(model);
    std::printf("%-17s  %.1f %% +- %.1f  %13.0f  %7.0f  %.2f  %s\n", name, 100 * right[i],
                100 * course::uncertainty(right[i], data.test.size()), now.macs, now.bytes, ms[i],
                course::bar(ms[i] / ms[0], 30).c_str());
  }
  const Cost now = cost(small);
  const auto verdict = [](bool met) { return met ? "met" : "missed"; };
  std::printf("budget: multiply-adds %s, bytes %s, accuracy %s; against training as long: %s\n",
              verdict(now.macs <= kMostMacs * full.macs),
              verdict(now.bytes <= kMostBytes * full.bytes),
              verdict(right[2] >= right[0] - kMostLost), verdict(right[2] >= right[1] - kMostLost));
  course::draw("14_budget", chart);
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
