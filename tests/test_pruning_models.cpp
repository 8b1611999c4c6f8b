// ResNet-18, MobileNetV2 and DenseNet: their channel groups as written by hand, and pruning,
// training and compaction.
#include <algorithm>

#include "core/ops/loss.h"
#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;
using pruning::Examples;
using Names = std::vector<std::string>;

namespace {

// What a group is made by, and read by; both in the order in which they run.
struct Expected {
  std::int64_t units;
  Names producers, readers;
};

Names members(const pruning::Group& group, pruning::Part part) {
  Names names;
  for (const pruning::Member& member : group.members)
    if (member.part == part) names.push_back(member.layer);
  return names;
}

void check_groups(const Model& model, const std::vector<Expected>& expected) {
  const std::vector<pruning::Group> found = pruning::groups(model);
  CHECK(found.size() == expected.size());
  for (const Expected& one : expected) {
    CAPTURE(one.producers[0]);
    const auto group = std::find_if(found.begin(), found.end(), [&](const pruning::Group& g) {
      return g.name == one.producers[0];
    });
    REQUIRE(group != found.end());
    CHECK(group->count == one.units);
    CHECK(group->producers == one.producers);
    CHECK(members(*group, pruning::Part::Input) == one.readers);
  }
}

// A name for each number: "4.conv.6", "5.conv.6".
Names of(std::initializer_list<int> blocks, const std::string& layer) {
  Names names;
  for (const int block : blocks) names.push_back(std::to_string(block) + layer);
  return names;
}

}  // namespace

TEST_CASE("groups: of MobileNetV2, whose depthwise convolutions pass channels on") {
  const Model model = MobileNetV2();
  const std::string expand = ".conv.0", project = ".conv.6";
  check_groups(model, {{32, {"0"}, {"3.conv.3"}},
                       {16, {"3.conv.3"}, {"4.conv.0"}},
                       {96, {"4.conv.0"}, {"4.conv.6"}},
                       {24, of({4, 5}, project), of({5, 6}, expand)},
                       {144, {"5.conv.0"}, {"5.conv.6"}},
                       {144, {"6.conv.0"}, {"6.conv.6"}},
                       {32, of({6, 7, 8}, project), of({7, 8, 9}, expand)},
                       {192, {"7.conv.0"}, {"7.conv.6"}},
                       {192, {"8.conv.0"}, {"8.conv.6"}},
                       {192, {"9.conv.0"}, {"9.conv.6"}},
                       {64, of({9, 10, 11, 12}, project), of({10, 11, 12, 13}, expand)},
                       {384, {"10.conv.0"}, {"10.conv.6"}},
                       {384, {"11.conv.0"}, {"11.conv.6"}},
                       {384, {"12.conv.0"}, {"12.conv.6"}},
                       {384, {"13.conv.0"}, {"13.conv.6"}},
                       {96, of({13, 14, 15}, project), of({14, 15, 16}, expand)},
                       {576, {"14.conv.0"}, {"14.conv.6"}},
                       {576, {"15.conv.0"}, {"15.conv.6"}},
                       {576, {"16.conv.0"}, {"16.conv.6"}},
                       {160, of({16, 17, 18}, project), of({17, 18, 19}, expand)},
                       {960, {"17.conv.0"}, {"17.conv.6"}},
                       {960, {"18.conv.0"}, {"18.conv.6"}},
                       {960, {"19.conv.0"}, {"19.conv.6"}},
                       {320, {"19.conv.6"}, {"20"}},
                       {1280, {"20"}, {"25"}},
                       {10, {"25"}, {}}});
  const pruning::Group hidden = pruning::groups(model)[2];
  CHECK(members(hidden, pruning::Part::Weight) == Names{"4.conv.0", "4.conv.3"});
  CHECK(members(hidden, pruning::Part::Scale) == Names{"4.conv.1", "4.conv.4"});
}

TEST_CASE("groups: of DenseNet, whose layers read what all before them gave") {
  const auto layer = [](int block, int i, const char* part) {
    return "features.denseblock" + std::to_string(block) + ".denselayer" + std::to_string(i) + "." +
           part;
  };
  // The layers of a block from one on, and what comes behind it.
  const auto readers = [&](int block, int first) {
    Names names;
    for (int i = first; i <= 6; ++i) names.push_back(layer(block, i, "conv1"));
    names.push_back(block < 3 ? "features.transition" + std::to_string(block) + ".conv"
                              : "classifier");
    return names;
  };
  std::vector<Expected> expected = {{24, {"features.conv0"}, readers(1, 1)},
                                    {48, {"features.transition1.conv"}, readers(2, 1)},
                                    {60, {"features.transition2.conv"}, readers(3, 1)},
                                    {10, {"classifier"}, {}}};
  for (int block = 1; block <= 3; ++block)
    for (int i = 1; i <= 6; ++i) {
      expected.push_back({48, {layer(block, i, "conv1")}, {layer(block, i, "conv2")}});
      expected.push_back({12, {layer(block, i, "conv2")}, readers(block, i + 1)});
    }
  check_groups(DenseNet(), expected);
}

TEST_CASE(
    "models: half of the filters and most of the weights go, in training, and then for good") {
  for (const char* name : {"resnet18", "mobilenetv2", "densenet"})
    for (const bool filters : {true, false}) {
      CAPTURE(name);
      CAPTURE(filters);
      const Model model = make_model(name, 10, 1, {3, 16, 16});
      optim::SGD sgd(model, {.lr = 0.02, .momentum = 0.9});
      for (int step = 0; step < 3; ++step) {
        const Examples batch = random_examples(18, 10 + step, {3, 16, 16}, 10);
        cross_entropy(model(batch.images), batch.labels).backward();
        sgd.step();
        if (step > 0) continue;
        pruning::Evidence evidence(model, {batch});
        pruning::prune(model,
                       {.structure = filters ? pruning::Filter : pruning::Weight,
                        .criterion = filters ? pruning::taylor() : pruning::magnitude()},
                       filters ? 0.5 : 0.9, evidence);
      }
      const Model compact = model.clone();
      const pruning::Compaction compaction = pruning::compact(
          compact, {.format = filters ? pruning::Format::Dense : pruning::Format::CSR});
      CHECK(compaction.max_error < 1e-5);
      if (filters) CHECK(compaction.shrunk.changed());
      expect_same_outputs(compact, model);
      if (filters) CHECK(summary(compact).total.parameters < 0.6 * summary(model).total.parameters);
    }
}

TEST_CASE("models: blocks of ResNet-18 and MobileNetV2 leave whole") {
  CHECK(pruning::removable_layers(ResNet18()).size() == 8);
  const Model model = unsettled(make_model("mobilenetv2", 10, 1, {3, 16, 16}));
  const auto blocks = pruning::removable_layers(model);
  REQUIRE(blocks.size() == 14);  // ten sums, and depthwise convolutions outside them
  const auto block = std::find_if(blocks.begin(), blocks.end(),
                                  [](const auto& removable) { return removable.name == "5"; });
  REQUIRE(block != blocks.end());
  CHECK(block->layers.size() == 8);
  pruning::remove_layer(model, *block);
  const Model small = model.clone();
  CHECK(pruning::shrink(small).blocks == Names{"5"});
  CHECK(small.nodes().size() == model.nodes().size() - 9);
  expect_same_outputs(small, model);
}
