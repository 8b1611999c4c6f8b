// Lesson 13: lottery tickets, and the control that they need.
//
// Train, prune, and set what is left back to its first values: such a sparse network may train as
// well as the dense one did (Frankle and Carbin, 2019: a winning ticket). What is it that wins: the
// first values, the places of the weights, or no more than how many each layer has? Three networks
// with the same number of weights in every layer, trained alike, tell them apart:
//   ticket    the mask of the trained network, first values as they were
//   other     the same mask, other first values
//   shuffled  the mask shuffled within each layer, first values as they were
// Whoever claims that the mask matters has to beat the shuffled one.
//
// Sparse from the first step, all three train as sparse layers wherever compact() measures these to
// be faster, units kept: this is what makes a sparse start worth having.
//
//   make && build/examples/13_lottery [FOLDER]
//
// Prints:
//   ...
//   layer  weights  there
//   conv1      864   91.2 %  ####################################
//   conv2    18432   70.7 %  ############################
//   fc1    2097152    4.2 %  ##
//   fc2       5120   73.0 %  #############################
//   network   training  right
//   dense            -   95.9 % +- 0.4  ######################################
//   ticket      10.6 s   96.5 % +- 0.4  #######################################
//   other        9.4 s   86.7 % +- 0.8  ###################################
//   shuffled     9.5 s   58.5 % +- 1.1  #######################
//   bars that differ by less than twice what stands behind +- are not told apart
#include "course/course.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

using namespace espalier;
using layers::Model;

constexpr double kSparsity = 0.95;

Model first_values(const datasets::Dataset& data, std::uint64_t seed) {
  return layers::ConvNet(static_cast<int>(data.classes.size()), seed,
                         {data.channels, data.height, data.width});
}

// Gives the masks of one network to another; shuffled within each layer where a generator is given.
void copy_masks(const Model& from, const Model& to, Rng* shuffle = nullptr) {
  for (const Parameter& p : from.parameters()) {
    if (!p.mask()) continue;
    std::vector<std::uint8_t> mask(p.mask(), p.mask() + p.numel());
    if (shuffle) shuffle->shuffle(mask.data(), static_cast<std::uint32_t>(mask.size()));
    to.parameter(p.name()).set_mask(mask);  // values are zero there from now on
  }
}

void print_accuracy(const char* name, double seconds, double right, std::int64_t pictures) {
  std::printf("%-8s  ", name);
  if (seconds > 0)
    std::printf("%6.1f s", seconds);
  else
    std::printf("%8s", "-");
  std::printf("  %5.1f %% +- %.1f  %s\n", 100 * right, 100 * course::uncertainty(right, pictures),
              course::bar(right).c_str());
}

void lesson(const datasets::Data& data) {
  // trained_convnet() began with the values of seed 0: the ticket goes back to these.
  const Model dense = course::trained_convnet(data);
  const datasets::Data part = course::hold_out(data).data;  // what it was trained on
  const pruning::Snapshot start(first_values(data.train, 0));
  const Model mask = dense.clone();
  pruning::prune(mask, {.scope = {.global = true}}, kSparsity);
  std::printf("layer  weights  there\n");
  for (const auto& layer : layers::summary(mask).layers)
    if (layer.weights) {
      const Parameter weight = layers::weight_of(mask.find(layer.name));
      const double there = static_cast<double>(weight.nonzero()) / layer.weights;
      std::printf("%-5s  %7lld  %5.1f %%  %s\n", layer.name.c_str(),
                  static_cast<long long>(layer.weights), 100 * there, course::bar(there).c_str());
    }

  const Model ticket = mask.clone();
  start.restore(ticket);  // first values, and zeros where the mask removes
  const Model other = first_values(data.train, 1);
  copy_masks(mask, other);
  const Model shuffled = first_values(data.train, 0);
  Rng rng(1);
  copy_masks(mask, shuffled, &rng);

  const std::int64_t pictures = data.test.size();
  std::printf("network   training  right\n");
  print_accuracy("dense", 0, course::accuracy(dense, data.test), pictures);
  for (const auto& [name, model] :
       {std::pair{"ticket", ticket}, {"other", other}, {"shuffled", shuffled}}) {
    const auto begin = std::chrono::steady_clock::now();
    pruning::compact(model, {.units = false, .training = true});
    course::train(model, part, {.epochs = course::enough_epochs(part.train)});
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    print_accuracy(name, time.count(), course::accuracy(model, data.test), pictures);
  }
  std::printf("bars that differ by less than twice what stands behind +- are not told apart\n");
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
