// Origin: a ratio means the same before and after parts of the network have left.
#include <nlohmann/json.hpp>

#include "tests/tempdir.h"
#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

double achieved(const layers::Model& model, Structure structure, Count count = Count::Sets) {
  return sparsity(model, candidates(model, {.structure = structure}), count);
}

// Prunes to these ratios one after the other, with a shrink behind each.
void in_turns(const layers::Model& model, const Method& method, std::vector<double> ratios) {
  for (const double ratio : ratios) {
    const double reached = prune(model, method, ratio).achieved;
    CHECK(reached == doctest::Approx(ratio).epsilon(0.05));
    shrink(model);
    CHECK(achieved(model, method.structure, method.scope.count) == doctest::Approx(reached));
  }
}

const std::vector<double> kSixSteps = {0.05, 0.1, 0.15, 0.2, 0.25, 0.3};

}  // namespace

TEST_CASE("origin: 30 % of the filters in six steps are 30 %, with a shrink between any two") {
  for (const bool global : {false, true})
    for (const Count count : {Count::Sets, Count::Weights, Count::Macs}) {
      if (!global && count != Count::Sets) continue;
      CAPTURE(static_cast<int>(count));
      const Method method{.structure = Filter,
                          .criterion = sum_of_weights(),
                          .scope = {.global = global, .count = count}};
      const layers::Model model = layers::make_model("resnet20", 10, 1);
      const layers::Model at_once = model.clone();
      in_turns(model, method, kSixSteps);
      const auto before = everything(model);
      prune(model, method, 0.3);  // again: nothing more
      CHECK(everything(model) == before);
      prune(at_once, method, 0.3);
      const auto weights = [](const layers::Model& m) {
        return layers::summary(m).total.macs.dense;
      };
      shrink(at_once);
      CHECK(static_cast<double>(weights(model)) / static_cast<double>(weights(at_once)) ==
            doctest::Approx(1).epsilon(0.1));
    }
}

TEST_CASE("origin: weights after filters, blocks of weights, layers") {
  const layers::Model model = layers::make_model("vgg16", 10, 1);
  const auto total = layers::summary(model).total.weights;
  in_turns(model, {.structure = Filter, .criterion = sum_of_weights()}, {0.3});
  const double now = achieved(model, Weight);
  CHECK(now == doctest::Approx(1 - static_cast<double>(layers::summary(model).total.weights) /
                                       static_cast<double>(total)));
  CHECK(achieved(model, Weight, Count::Weights) == doctest::Approx(now));
  CHECK(achieved(model, Block) == doctest::Approx(now).epsilon(0.02));
  const Method weights{
      .structure = Weight, .criterion = sum_of_weights(), .scope = {.global = true}};
  CHECK(prune(model, weights, 0.7).achieved == doctest::Approx(0.7));
  CHECK(static_cast<double>(layers::summary(model).total.nonzero) / static_cast<double>(total) ==
        doctest::Approx(0.3).epsilon(0.01));
  const auto lists = candidates(model, {.structure = Weight});
  CHECK(lists[0].count + lists[0].gone == 3 * 64 * 9);
}

TEST_CASE("origin: layers that left count as layers, and what was in them as filters and weights") {
  const layers::Model model = layers::make_model("resnet20", 10, 1);
  const Method method{.structure = Layer, .criterion = sum_of_weights()};
  const auto before = layers::summary(model).total;
  prune(model, {.structure = Filter, .criterion = sum_of_weights()}, 0.25);
  in_turns(model, method, {1.0 / 9, 2.0 / 9, 3.0 / 9});
  CHECK(removed_layers(model) == 3);
  CHECK(removable_layers(model).size() == 6);
  CHECK(model.origin()->left.layers == 3);
  const auto after = layers::summary(model).total;
  CHECK(achieved(model, Weight) == doctest::Approx(1 - static_cast<double>(after.weights) /
                                                           static_cast<double>(before.weights)));
  CHECK(achieved(model, Layer, Count::Macs) ==
        doctest::Approx(1 - static_cast<double>(after.macs.dense) /
                                static_cast<double>(before.macs.dense)));
  std::int64_t filters = 0;
  for (const auto& list : candidates(model, {.structure = Filter}))
    filters += list.count + list.gone + list.gone_beside;
  CHECK(filters == 3 * (16 + 32 + 64) + 16 + 32 + 64);
  in_turns(model, {.structure = Filter, .criterion = sum_of_weights(), .scope = {.global = true}},
           {0.6});
  CHECK_NOTHROW(candidates(model, {.structure = Filter, .leave_out = {"layer1.0.conv1"}}));
  CHECK_THROWS_AS(candidates(model, {.structure = Filter, .leave_out = {"layer9"}}), Error);
}

TEST_CASE("origin: plain layers that left count, and their weights are not forgotten") {
  const layers::Model model = layers::make_model("vgg16", 10, 1);
  CHECK(model.origin() == nullptr);
  const auto weights = layers::summary(model).total.weights;
  const auto layers = removable_layers(model);
  remove_layer(model, layers[3]);
  remove_layer(model, layers[4]);
  CHECK(removed_layers(model) == 2);
  CHECK(model.origin()->left == layers::Origin::Left{2, 256 + 512, 0});
  CHECK(achieved(model, Weight) ==
        doctest::Approx(1 - static_cast<double>(layers::summary(model).total.weights) /
                                static_cast<double>(weights)));
}

TEST_CASE("origin: goes into copies and files, and only there where something left") {
  const testing::TempDir dir;
  const layers::Model model = residual_net();
  const layers::Origin whole = layers::measure(model);
  CHECK(layers::topology(model).find("origin") == std::string::npos);
  remove_at_random(model, Filter, 0.5, 1);
  shrink(model);
  REQUIRE(model.origin());
  CHECK(*model.origin() == whole);
  CHECK(*model.clone().origin() == whole);
  layers::save(model, dir / "small");
  CHECK(*layers::load(dir / "small").origin() == whole);
  CHECK(achieved(layers::load(dir / "small"), Filter) == achieved(model, Filter));
}

TEST_CASE("origin: hostile text is refused in one sentence") {
  using Json = nlohmann::json;
  const layers::Model model = residual_net();
  remove_at_random(model, Filter, 0.5, 1);
  shrink(model);
  const Json good = Json::parse(layers::topology(model));
  const auto spoil = [&](const char* pointer, const Json& value, const std::string& part) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const std::string said = error_of([&] { layers::from_topology(bad.dump(), "f"); });
    INFO(said);
    CHECK(said.starts_with("f: topology: origin: "));
    CHECK(said.find(part) != std::string::npos);
    CHECK(said.size() < 300);
  };
  spoil("/origin", 3, "expected an object of 2");
  spoil("/origin", Json::object(), "found 0 members");
  spoil("/origin/other", 1, "found 3 members");
  spoil("/origin/layers", Json::array(), "found array");
  spoil("/origin/layers/conv1", Json::array(), "found array");
  spoil("/origin/layers/conv1/units", 0, "found units = 0, expected 1 to");
  spoil("/origin/layers/conv1/units", "5", "found units = string");
  spoil("/origin/layers/conv1/units", 1.5, "found units = 1.5");
  spoil("/origin/layers/conv1/weights", std::uint64_t(1) << 63,
        "found weights = 9223372036854775808");
  spoil("/origin/layers/conv1/weights", (std::int64_t(1) << 48) + 1, "expected 1 to");
  spoil("/origin/layers/conv1/units", 1000, "fewer weights than units");
  spoil("/origin/layers/conv1/units", 1, "expected at least the");
  spoil("/origin/layers/conv1/macs", -1, "found macs = -1");
  spoil("/origin/layers/conv1/more", 1, "found 4 members");
  spoil("/origin/left", Json(), "found null");
  spoil("/origin/left/layers", -1, "found layers = -1");
  Json many = good;
  for (int i = 0; i < 5000; ++i) many["origin"]["layers"][std::to_string(i)] = 1;
  CHECK(error_of([&] { layers::from_topology(many.dump(), "f"); }).find("at most 4096") !=
        std::string::npos);
}
