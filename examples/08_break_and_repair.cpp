// Lesson 8: break a network on purpose, read the error, repair it.
//
// Lesson 5 has shown that masks alone save nothing: a channel has to leave for good. But a channel
// is not in one place. The filter that makes it is a row of one weight; its batch norm has a scale,
// a shift and two statistics for it; every layer that reads it has a column for it; and where a
// residual block adds two paths, it is the same channel in both. Who cuts in one place only gets a
// network that does not fit together. All that belongs together is a group, found by walking the
// network (pruning/candidates.h); cut as a whole, it leaves a network that runs.
//
//   make && build/examples/08_break_and_repair [FOLDER]
//
// Prints:
//   ...
//   1 cut filter 3 of block1.conv1, and nothing else
//     block1.bn1: found 9 input channels, expected 10
//   2 cut filter 3 of block1.conv2, and what is coupled to it within the block
//   ...
//   3 the groups of the network
//   ...
//   block1.conv1: 10 filters of block1.conv1, with block1.bn1, read by block1.conv2
//   ...
//   4 cut channel 3 of the group of stem
//   stem.weight            #####                 made    27 numbers
//   bn.weight                                    made     1 numbers
//   ...
//   fc.weight              ##                    read    10 numbers
//   403 of 3274 numbers are gone
//   the outputs differ by 0.0e+00 of the largest from those with channel 3 masked
#include "course/course.h"

#include <cstdio>

#include "pruning/compaction/channel_removal.h"

using namespace espalier;
using namespace espalier::layers;

Model residual_network(const datasets::Dataset& data) {
  const auto block = [] {
    return Residual(Sequential{{"conv1", Conv2d(8, 10, {.padding = 1, .bias = false})},
                               {"bn1", BatchNorm(10)},
                               {"relu1", ReLU()},
                               {"conv2", Conv2d(10, 8, {.padding = 1, .bias = false})},
                               {"bn2", BatchNorm(8)}});
  };
  Sequential net{{"stem", Conv2d(data.channels, 8, {.stride = 2, .padding = 1, .bias = false})},
                 {"bn", BatchNorm(8)},
                 {"relu", ReLU()},
                 {"block1", block()},
                 {"block2", block()},
                 {"pool", GlobalAvgPool()},
                 {"flatten", Flatten()},
                 {"fc", Linear(8, static_cast<std::int64_t>(data.classes.size()))}};
  return Model(std::move(net), {data.channels, data.height, data.width});
}

// Takes row (dimension 0: what is made) or column (dimension 1: what is read) `channel` out of a
// parameter, and tells the layer its new sizes.
void cut(const Model& model, const pruning::Member& member, int channel) {
  std::vector<std::int64_t> rest;  // the slices that stay
  for (std::size_t i = 0; i < member.units->size(); ++i)
    if ((*member.units)[i] != channel) rest.push_back(static_cast<std::int64_t>(i));
  pruning::cut(member.parameter, member.part == pruning::Part::Input ? 1 : 0, rest);
  Module& layer = model.find(member.layer);
  if (auto* norm = dynamic_cast<BatchNorm*>(&layer); norm && member.part == pruning::Part::Scale) {
    norm->running_mean = pruning::cut(norm->running_mean, 0, rest);
    norm->running_var = pruning::cut(norm->running_var, 0, rest);
  }
  layer.take_sizes();
}

// Cuts those members of a group of which `wanted` says so; the error, if the rest does not fit.
template <class Wanted>
std::string cut_where(const Model& model, int group, int channel, const Wanted& wanted) {
  const pruning::Group g = pruning::groups(model)[group];
  for (const pruning::Member& member : g.members)
    if (wanted(member.parameter.name())) cut(model, member, channel);
  try {
    model.update();  // walks the network and checks every shape
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void lesson(const datasets::Data& data) {
  std::printf("1 cut filter 3 of block1.conv1, and nothing else\n  %s\n",
              cut_where(residual_network(data.train), 1, 3, [](const std::string& name) {
                return name == "block1.conv1.weight";
              }).c_str());

  // With its batch norm the main path fits in itself. The sum does not: the shortcut still has 8.
  std::printf("2 cut filter 3 of block1.conv2, and what is coupled to it within the block\n  %s\n",
              cut_where(residual_network(data.train), 0, 3, [](const std::string& name) {
                return name.starts_with("block1.conv2") || name.starts_with("block1.bn2");
              }).c_str());

  // The sum ties the stem, both blocks and the classifier together into one group.
  Model model = residual_network(data.train);
  std::printf("3 the groups of the network\n%s", pruning::table(pruning::groups(model)).c_str());

  // For comparison: the same channel masked. What belongs to it is silent, but still there.
  Model masked = model.clone();
  auto lists = pruning::candidates(masked, {.structure = pruning::Filter, .only = {"stem"}});
  pruning::Kept kept(lists[0].count, 1);
  kept[3] = 0;
  pruning::remove(lists[0], kept);

  std::printf("4 cut channel 3 of the group of stem\n");
  const pruning::Group group = pruning::groups(model)[0];
  std::int64_t before = 0, after = 0;
  for (const Parameter& p : model.parameters()) before += p.numel();
  for (const pruning::Member& m : group.members)
    std::printf(
        "%-22s %s  %s %5lld numbers\n", m.parameter.name().c_str(),
        course::bar(static_cast<double>(m.parameter.numel() / group.count) / 100, 20).c_str(),
        m.part == pruning::Part::Input ? "read" : "made",
        static_cast<long long>(m.parameter.numel() / group.count));
  check(cut_where(model, 0, 3, [](auto&) { return true; }).empty(), "the group does not fit");
  for (const Parameter& p : model.parameters()) after += p.numel();
  std::printf("%lld of %lld numbers are gone\n", static_cast<long long>(before - after),
              static_cast<long long>(before));

  const Tensor images = course::examples(data.train, 64).at(0).images;
  std::printf("the outputs differ by %.1e of the largest from those with channel 3 masked\n",
              course::difference(masked, model, images));
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
