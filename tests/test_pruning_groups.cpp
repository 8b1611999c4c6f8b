// Groups of coupled channels, lists of candidates, and layers that can leave.
#include <algorithm>

#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

// "conv1 6: weight conv1, bias conv1, scale bn1, shift bn1, input conv2"
std::string line_of(const Group& group) {
  const char* parts[] = {"weight ", "bias ", "scale ", "shift ", "input "};
  std::string text = group.name + " " + std::to_string(group.count) + ":";
  for (const Member& m : group.members) {
    text += " " + (parts[static_cast<int>(m.part)] + m.layer);
    if (m.extent != group.count) text += "/" + std::to_string(m.extent / group.count);
    text += ",";
  }
  text.pop_back();
  return text + (group.fixed.empty() ? "" : " fixed");
}

std::vector<std::string> lines_of(const layers::Model& model) {
  std::vector<std::string> lines;
  for (const Group& group : groups(model)) lines.push_back(line_of(group));
  return lines;
}

}  // namespace

TEST_CASE("groups: a chain, batch norm and flatten") {
  CHECK(lines_of(small_net()) ==
        std::vector<std::string>{
            "conv1 6: weight conv1, bias conv1, scale bn1, shift bn1, input conv2",
            "conv2 5: weight conv2, bias conv2, input fc1/16",
            "fc1 8: weight fc1, bias fc1, input fc2", "fc2 4: weight fc2, bias fc2 fixed"});
  const auto all = groups(small_net());
  CHECK(all[0].structure == Filter);
  CHECK(all[2].structure == Neuron);
  CHECK(all[0].shown_by.size() == 1);
  CHECK(all[0].shown_by[0].layer == "relu1");  // after the activation, before pooling
  CHECK(all[1].shown_by[0].layer == "relu2");
  CHECK(table(all).find("fc2: 4 neurons of fc2; fixed: the network's outputs") !=
        std::string::npos);
}

TEST_CASE("groups: VGG-16 by hand") {
  std::vector<std::string> expected;
  const int convs[] = {0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40};
  const int widths[] = {64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512};
  for (int i = 0; i < 13; ++i) {
    const std::string conv = "features." + std::to_string(convs[i]);
    const std::string norm = "features." + std::to_string(convs[i] + 1);
    const std::string next = i < 12 ? "features." + std::to_string(convs[i + 1]) : "classifier";
    expected.push_back(conv + " " + std::to_string(widths[i]) + ": weight " + conv + ", bias " +
                       conv + ", scale " + norm + ", shift " + norm + ", input " + next);
  }
  expected.push_back("classifier 10: weight classifier, bias classifier fixed");
  CHECK(lines_of(layers::make_model("vgg16", 10, 0)) == expected);
}

TEST_CASE("groups: ResNet-20 by hand") {
  // The channels of a stage are one group: of the layer that begins it and of every block's end.
  std::vector<std::string> expected = {
      "conv1 16: weight conv1, scale bn1, shift bn1, input layer1.0.conv1, weight layer1.0.conv2, "
      "scale layer1.0.bn2, shift layer1.0.bn2, input layer1.1.conv1, weight layer1.1.conv2, scale "
      "layer1.1.bn2, shift layer1.1.bn2, input layer1.2.conv1, weight layer1.2.conv2, scale "
      "layer1.2.bn2, shift layer1.2.bn2, input layer2.0.conv1, input layer2.0.shortcut.0"};
  const auto inner = [](const std::string& block, int units) {
    return block + ".conv1 " + std::to_string(units) + ": weight " + block + ".conv1, scale " +
           block + ".bn1, shift " + block + ".bn1, input " + block + ".conv2";
  };
  const auto stage = [&](const std::string& name, int units, const std::string& readers) {
    const std::string s = name + ".0.shortcut.";
    return name + ".0.conv2 " + std::to_string(units) + ": weight " + name + ".0.conv2, scale " +
           name + ".0.bn2, shift " + name + ".0.bn2, weight " + s + "0, scale " + s + "1, shift " +
           s + "1, input " + name + ".1.conv1, weight " + name + ".1.conv2, scale " + name +
           ".1.bn2, shift " + name + ".1.bn2, input " + name + ".2.conv1, weight " + name +
           ".2.conv2, scale " + name + ".2.bn2, shift " + name + ".2.bn2, " + readers;
  };
  for (int b = 0; b < 3; ++b) expected.push_back(inner("layer1." + std::to_string(b), 16));
  expected.push_back(inner("layer2.0", 32));
  expected.push_back(stage("layer2", 32, "input layer3.0.conv1, input layer3.0.shortcut.0"));
  for (int b = 1; b < 3; ++b) expected.push_back(inner("layer2." + std::to_string(b), 32));
  expected.push_back(inner("layer3.0", 64));
  expected.push_back(stage("layer3", 64, "input fc"));
  for (int b = 1; b < 3; ++b) expected.push_back(inner("layer3." + std::to_string(b), 64));
  expected.push_back("fc 10: weight fc, bias fc fixed");
  auto found = lines_of(layers::make_model("resnet20", 10, 0));
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  CHECK(found == expected);
}

TEST_CASE("groups: a residual over the network's own input cannot lose channels") {
  using namespace layers;
  Model model(Sequential{{"block", Residual(Sequential{{"conv", Conv2d(3, 3, {.padding = 1})}})},
                         {"flatten", Flatten()},
                         {"fc", Linear(3 * 16, 2)}},
              {3, 4, 4});
  const auto all = groups(model);
  REQUIRE(all.size() == 2);
  CHECK(all[0].fixed == "the network's input");
  CHECK(error_of([&] { candidates(model, {.structure = Filter}); }) ==
        "model: found no filter that may be removed, expected at least one");
}

TEST_CASE("a unit without mark is silent: removing it is removing what it says") {
  // conv2 sees no difference between a unit that is removed and an input of zeros.
  const layers::Model model = small_net();
  model.eval();
  const auto lists = candidates(model, {.structure = Filter});
  Kept keep(lists[0].count, 1);
  keep[2] = keep[5] = 0;
  remove(lists[0], keep);
  CHECK(kept(lists[0]) == keep);
  NoGrad off;
  Tensor seen;
  {
    const layers::Observe observe(
        [&](const layers::Module&, const std::string& name, const Tensor&, const Tensor& output) {
          if (name == "pool1") seen = output;
        });
    model(random_examples(3, 2).images);
  }
  const auto values = seen.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = i / 16 % 6;
    if (channel == 2 || channel == 5) REQUIRE(values[i] == 0);
  }
}

TEST_CASE("candidates: blocks cover a weight with tiles, ragged ones at the edges") {
  const layers::Model model = small_net();
  const auto lists = candidates(
      model, {.structure = Block, .block_rows = 4, .block_columns = 4, .only = {"conv2"}});
  REQUIRE(lists.size() == 1);
  CHECK(lists[0].count == 2 * 14);  // of [5, 54]
  std::vector<std::int64_t> size(lists[0].count, 0);
  lists[0].each([&](const Member&, std::int64_t, std::int64_t set) { ++size[set]; });
  CHECK(size[0] == 16);
  CHECK(size[13] == 8);
  CHECK(size[14] == 4);
  CHECK(size[27] == 2);
}

TEST_CASE("candidates: layers that are not there, and blocks that make no sense") {
  const layers::Model model = small_net();
  CHECK(error_of([&] { candidates(model, {.only = {"conv9"}}); }).find("conv9") !=
        std::string::npos);
  CHECK(error_of([&] { candidates(model, {.structure = Block, .block_rows = 0}); }) ==
        "block: found 0 x 4, expected at least 1 x 1");
  CHECK(error_of([&] { structure("row"); }) ==
        "structure: found 'row', expected weight, block, n:m, neuron, filter or layer");
}

TEST_CASE("layers that can leave: residual blocks, and plain ones that keep the shape") {
  const layers::Model resnet = layers::make_model("resnet20", 10, 0);
  const auto blocks = removable_layers(resnet);
  REQUIRE(blocks.size() == 9);
  CHECK(blocks[3].name == "layer2.0");
  CHECK(blocks[3].layers == std::vector<std::string>{"layer2.0.conv1", "layer2.0.bn1",
                                                     "layer2.0.relu1", "layer2.0.conv2",
                                                     "layer2.0.bn2"});
  const layers::Model vgg = layers::make_model("vgg16", 10, 0);
  std::vector<std::string> names;
  for (const Removable& layer : removable_layers(vgg)) names.push_back(layer.name);
  CHECK(names == std::vector<std::string>{"features.3", "features.10", "features.17", "features.20",
                                          "features.27", "features.30", "features.34",
                                          "features.37", "features.40"});
}

TEST_CASE("a layer leaves: its block's shortcut, or what it took, is what remains") {
  const layers::Model model = layers::make_model("resnet20", 10, 3);
  model.eval();
  const auto blocks = removable_layers(model);
  remove_layer(model, blocks[1]);
  CHECK(removed_layers(model) == 1);
  CHECK(removable_layers(model).size() == 8);
  NoGrad off;
  std::vector<float> in, out;
  {
    const layers::Observe observe(
        [&](const layers::Module&, const std::string& name, const Tensor&, const Tensor& output) {
          if (name == "layer1.0.relu") in = output.to_vector();
          if (name == "layer1.1.relu") out = output.to_vector();
        });
    model(random_examples(2, 5, {3, 32, 32}, 10).images);
  }
  CHECK(in == out);
  const auto before = layers::summary(layers::make_model("resnet20", 10, 3)).total.macs.nonzero;
  CHECK(before - layers::summary(model).total.macs.nonzero == 2 * 16 * 16 * 9 * 32 * 32);

  const layers::Model vgg = layers::make_model("vgg16", 10, 3);
  remove_layer(vgg, removable_layers(vgg)[2]);
  CHECK(vgg.graph().find("features.17") == layers::kInput);
  CHECK(vgg.graph().find("features.18") == layers::kInput);
  CHECK(removed_layers(vgg) == 1);
  CHECK(vgg(Tensor::zeros({1, 3, 32, 32})).shape() == Shape{1, 10});
}
