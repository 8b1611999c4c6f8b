// Lesson 12: a layer leaves.
//
// The block of a residual network gives out its input and something added to it. So it can leave
// whole: its shortcut stands where it was, and shapes still fit. Layers cost time that filters do
// not (each pass over memory), so depth is worth removing. Which block? A criterion guesses from
// weights and gradients (here Taylor: what closing the block's gate would change in the loss); with
// so few blocks one can also try each. Try on validation pictures, which were set aside before
// training: a choice made on test pictures would make the test accuracy too good to be true.
//
//   make && build/examples/12_layer_leaves [FOLDER]
//
// Prints:
//   ...
//   the whole network: 97.8 % of 1000 validation pictures right
//   without one block, no fine-tuning:
//   block    multiply-adds  Taylor   right
//   block1           17.7 %  2.3e-02   35.3 %  ##############
//   block2           17.7 %  1.1e-02   89.3 %  ####################################
//   ...
//   again, without it:
//   ...
//   and now the test pictures, once
//              right           multiply-adds  parameters  ms of 128 pictures
//   whole      98.7 % +- 0.3        6664832      175258  4.27  ################################
//   cut        65.5 % +- 1.1        4305536       96602  2.98  ######################
//   finetuned  97.4 % +- 0.4        4305536       96602  2.91  ######################
#include "course/course.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::layers;

// Six blocks, two of which change the shape: their shortcut is a convolution.
Model network(const datasets::Dataset& data) {
  const auto block = [](std::int64_t in, std::int64_t out) {
    const int stride = in == out ? 1 : 2;
    Sequential main{{"conv1", Conv2d(in, out, {.stride = stride, .padding = 1, .bias = false})},
                    {"bn1", BatchNorm(out)},
                    {"relu1", ReLU()},
                    {"conv2", Conv2d(out, out, {.padding = 1, .bias = false})},
                    {"bn2", BatchNorm(out)}};
    Sequential shortcut;
    if (in != out)
      shortcut.add(Conv2d(in, out, {.kernel = 1, .stride = stride, .bias = false}))
          .add(BatchNorm(out));
    return Residual(std::move(main), std::move(shortcut));
  };
  const auto classes = static_cast<std::int64_t>(data.classes.size());
  Sequential net{{"stem", Conv2d(data.channels, 16, {.stride = 2, .padding = 1, .bias = false})},
                 {"bn", BatchNorm(16)},
                 {"relu", ReLU()},
                 {"block1", block(16, 16)},
                 {"block2", block(16, 16)},
                 {"block3", block(16, 32)},
                 {"block4", block(32, 32)},
                 {"block5", block(32, 64)},
                 {"block6", block(64, 64)},
                 {"pool", GlobalAvgPool()},
                 {"flatten", Flatten()},
                 {"fc", Linear(64, classes)}};
  return Model(std::move(net), {data.channels, data.height, data.width});
}

std::int64_t macs(const Model& model) { return summary(model).total.macs.dense; }

// Without this block: all of its main path is masked, which leaves its shortcut; compaction then
// takes out what is silent.
Model without(const Model& model, const pruning::Removable& block) {
  Model rest = model.clone();
  pruning::remove_layer(rest, block);
  pruning::compact(rest);
  return rest;
}

// Tries to do without each block that is left; the network without the one that is missed least.
Model best_without_one(const Model& model, const datasets::Data& data,
                       const datasets::Dataset& validation) {
  std::printf("block    multiply-adds  Taylor   right\n");
  const auto blocks = pruning::removable_layers(model);
  pruning::Evidence evidence(model, course::examples(data.train, 1024));
  const auto lists = pruning::candidates(model, {.structure = pruning::Layer});
  const pruning::Scores taylor = pruning::taylor().score(lists, evidence).at(0);
  Model best;
  std::string name;
  double most = -1;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Model rest = without(model, blocks[i]);
    const double right = course::accuracy(rest, validation);
    std::printf("%s  %13.1f %%  %.1e  %5.1f %%  %s\n", blocks[i].name.c_str(),
                100 - 100.0 * macs(rest) / macs(model), taylor[i], 100 * right,
                course::bar(right).c_str());
    if (right > most) best = rest, most = right, name = blocks[i].name;
  }
  std::printf("chosen by validation: %s\n", name.c_str());
  return best;
}

void lesson(const datasets::Data& given) {
  const auto [data, validation] = course::hold_out(given);
  const int rounds = course::enough_epochs(data.train) / 4;  // an epoch of a large set
  const Model whole = network(data.train);
  course::train(whole, data, {.epochs = 3 * rounds, .lr = 0.1f});
  std::printf("the whole network: %.1f %% of %lld validation pictures right\n",
              100 * course::accuracy(whole, validation), static_cast<long long>(validation.size()));

  std::printf("without one block, no fine-tuning:\n");
  const Model one = best_without_one(whole, data, validation);
  std::printf("again, without it:\n");
  const Model cut = best_without_one(one, data, validation);
  std::printf("two blocks leave\n");

  // The control: the whole network gets the same epochs more, or fine-tuning would look like a gain
  // from removal.
  const Model finetuned = cut.clone();
  course::train(finetuned, data, {.epochs = rounds, .lr = 0.03f});
  course::train(whole, data, {.epochs = rounds, .lr = 0.03f});

  const Tensor x = course::examples(data.test, 128).at(0).images;
  const std::vector<std::pair<const char*, Model>> shown = {
      {"whole", whole}, {"cut", cut}, {"finetuned", finetuned}};
  const NoGrad off;
  std::vector<std::function<void()>> works;
  for (const auto& [name, model] : shown) {
    model.eval();
    works.push_back([&] { outputs_of(model, x); });
  }
  const std::vector<double> ms = course::milliseconds(works);
  std::printf(
      "and now the test pictures, once\n%-9s  right           multiply-adds  "
      "parameters  ms of 128 pictures\n",
      "");
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto& [name, model] = shown[i];
    const double right = course::accuracy(model, data.test);
    std::printf("%-9s  %.1f %% +- %.1f  %13lld  %10lld  %.2f  %s\n", name, 100 * right,
                100 * course::uncertainty(right, data.test.size()),
                static_cast<long long>(macs(model)),
                static_cast<long long>(summary(model).total.parameters), ms[i],
                course::bar(ms[i] / ms[0], 32).c_str());
  }
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
