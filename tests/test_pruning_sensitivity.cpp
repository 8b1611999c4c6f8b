// Sensitivity: each list alone, measured as by hand, and a model that is as before.
#include "core/ops/reduce.h"
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

// Stands for an accuracy, but any change of an output shows: the mean square of the outputs.
struct Power {
  Tensor images;
  double operator()(const layers::Model& model) const {
    CHECK_FALSE(model.training());
    const NoGrad off;
    double sum = 0;
    for (const float value : model(images).to_vector()) sum += static_cast<double>(value) * value;
    return sum;
  }
};

Power power(const Shape& image = {3, 8, 8}) { return {random_examples(3, 7, image).images}; }

// Everything a model holds, but for gradients.
std::vector<std::vector<float>> bits_of(const layers::Model& model) {
  std::vector<std::vector<float>> all;
  for (Parameter p : model.parameters()) {
    all.push_back(p.to_vector());
    all.emplace_back();
    if (p.mask()) all.back().assign(p.mask(), p.mask() + p.numel());
    for (const auto& [key, state] : p.states()) all.push_back(state.to_vector());
  }
  for (const auto& [name, buffer] : model.buffers()) all.push_back(buffer.to_vector());
  return all;
}

// Forgets gradients, as criteria with data do.
Criterion by_gradient() {
  Criterion c = sum_of_weights();
  c.needs_data = true;
  c.score = [](std::span<const Candidates> lists, Evidence& evidence) {
    std::vector<Scores> scores;
    for (const Candidates& list : lists) scores.emplace_back(list.count, 0);
    evidence.each_batch([&](const Examples&) {
      for (std::size_t l = 0; l < lists.size(); ++l)
        lists[l].each([&](const Member& m, std::int64_t i, std::int64_t set) {
          scores[l][set] += std::abs(m.parameter.grad().data()[i]);
        });
    });
    return scores;
  };
  return c;
}

}  // namespace

TEST_CASE("sensitivity: the model is as before, bit for bit, mode and gradients too") {
  const layers::Model model = small_net();
  optim::SGD optimizer(model, {.lr = 0.05, .momentum = 0.9});
  for (int i = 0; i < 3; ++i) train_step(model, optimizer, random_examples(9, 10 + i));
  prune(model, {.criterion = sum_of_weights()}, 0.3);
  cross_entropy(model(random_examples(5, 1).images), std::vector<std::int32_t>{0, 1, 2, 3, 0})
      .backward();
  const auto before = bits_of(model);
  std::vector<std::vector<float>> gradients;
  for (const Parameter& p : model.parameters()) gradients.push_back(p.grad().to_vector());
  for (const Structure structure : {Weight, Filter, Neuron, NM})
    for (const Criterion& c : {sum_of_weights(), by_gradient()})
      sensitivity(model, {.structure = structure, .criterion = c}, power(),
                  {.sparsities = {0.5, 0.8}, .batches = {random_examples(4, 2)}});
  CHECK(bits_of(model) == before);
  CHECK(model.training());
  std::size_t at = 0;
  for (const Parameter& p : model.parameters()) CHECK(p.grad().to_vector() == gradients[at++]);
}

TEST_CASE("sensitivity: each point is that of the list pruned alone by hand") {
  const layers::Model model = small_net();
  const Power measure = power();
  const std::vector<double> sparsities{0.6, 0.2};  // as asked, not sorted
  for (const Structure structure : {Weight, Filter, Neuron}) {
    const Sensitivity found =
        sensitivity(model, {.structure = structure, .criterion = sum_of_weights()}, measure,
                    {.sparsities = sparsities});
    const auto expected = candidates(model, {.structure = structure});
    REQUIRE(found.lists.size() == expected.size());
    for (std::size_t l = 0; l < expected.size(); ++l) {
      CAPTURE(expected[l].name);
      CHECK(found.lists[l].name == expected[l].name);
      CHECK(found.lists[l].sets == expected[l].count);
      REQUIRE(found.lists[l].points.size() == 2);
      for (std::size_t s = 0; s < sparsities.size(); ++s) {
        const layers::Model copy = model.clone();
        copy.eval();
        const Candidates list = candidates(copy, {.structure = structure})[l];
        const Scores score = [&] {
          Evidence none(copy);
          return sum_of_weights().score(std::span(&list, 1), none)[0];
        }();
        const auto count = std::llround(sparsities[s] * static_cast<double>(list.count));
        Scores sorted = score;
        std::sort(sorted.begin(), sorted.end());
        Kept stays(list.count);
        for (std::int64_t i = 0; i < list.count; ++i) stays[i] = score[i] >= sorted[count];
        remove(list, stays);
        const Sensitivity::Point& point = found.lists[l].points[s];
        CHECK(point.asked == sparsities[s]);
        CHECK(point.achieved == doctest::Approx(static_cast<double>(count) / list.count));
        CHECK(point.accuracy == measure(copy));
        CHECK(point.accuracy != found.dense);
      }
    }
  }
}

TEST_CASE("sensitivity: a sparsity of 0 gives the dense accuracy") {
  const layers::Model model = small_net();
  layers::Model copy = model.clone();
  copy.eval();
  const Sensitivity found = sensitivity(model, {.structure = Filter, .criterion = sum_of_weights()},
                                        power(), {.sparsities = {0, 0.5}});
  CHECK(found.dense == power()(copy));
  for (const auto& list : found.lists) {
    CHECK(list.points[0].achieved == 0);
    CHECK(list.points[0].accuracy == found.dense);
    CHECK(list.points[1].accuracy != found.dense);
  }
}

TEST_CASE("sensitivity: coupled channels of ResNet-20 go together, and it shows") {
  const layers::Model model = layers::make_model("resnet20", 10, 3);
  const Method method{.structure = Filter, .criterion = sum_of_weights()};
  const SensitivityOptions options{.sparsities = {0.5}};
  const Sensitivity found = sensitivity(model, method, power({3, 32, 32}), options);
  // Three stages' groups and the nine inner ones of the blocks.
  CHECK(found.lists.size() == 12);
  CHECK(sensitivity_points(model, method, options) == 12);
  CHECK(found.lists[0].name == "conv1");
  for (const auto& list : found.lists) {
    CAPTURE(list.name);
    CHECK(list.points[0].achieved == 0.5);
    CHECK(std::abs(list.points[0].accuracy / found.dense - 1) > 1e-4);
  }
}

TEST_CASE("sensitivity: no list is emptied, the nearest sparsity is reported") {
  const layers::Model model = small_net();
  Method method{.structure = Filter, .criterion = sum_of_weights()};
  const SensitivityOptions options{.sparsities = {0.99, 0.8}};
  Sensitivity found = sensitivity(model, method, power(), options);
  const auto& conv2 = found.lists[1];  // of five filters
  CHECK(conv2.points[0].asked == 0.99);
  CHECK(conv2.points[0].achieved == doctest::Approx(0.8));
  CHECK(conv2.points[0].accuracy == conv2.points[1].accuracy);
  method.scope.floor = 3;
  found = sensitivity(model, method, power(), options);
  CHECK(found.lists[1].points[0].achieved == doctest::Approx(0.4));
  method.scope.floor = 9;
  found = sensitivity(model, method, power(), options);
  CHECK(found.lists[1].points[0].accuracy == found.dense);
}

TEST_CASE("sensitivity: what had gone already counts") {
  const layers::Model model = small_net();
  prune(model, {.structure = Filter, .criterion = sum_of_weights()}, 0.4);
  const Sensitivity found = sensitivity(model, {.structure = Filter, .criterion = sum_of_weights()},
                                        power(), {.sparsities = {0.2, 0.6}});
  const auto& conv2 = found.lists[1];
  CHECK(conv2.before == doctest::Approx(0.4));
  CHECK(conv2.points[0].achieved == doctest::Approx(0.4));
  CHECK(conv2.points[0].accuracy == found.dense);
  CHECK(conv2.points[1].achieved == doctest::Approx(0.6));
}

TEST_CASE("sensitivity: scores are computed once, but for rounds and compensation") {
  const layers::Model model = small_net();
  std::vector<std::size_t> calls;  // how many lists each time
  Criterion counting = sum_of_weights();
  counting.score = [&](std::span<const Candidates> lists, Evidence& evidence) {
    calls.push_back(lists.size());
    return sum_of_weights().score(lists, evidence);
  };
  const auto run = [&] {
    calls.clear();
    return sensitivity(model, {.structure = Filter, .criterion = counting}, power(),
                       {.sparsities = {0.4, 0.7}});
  };
  const double once = run().lists[1].points[1].accuracy;
  CHECK(calls == std::vector<std::size_t>{2});
  counting.rounds = 3;
  CHECK(run().lists[1].points[1].accuracy == once);
  CHECK(calls == std::vector<std::size_t>(2 * 2 * 3, 1));
  counting.rounds = 1;
  counting.compensate = [](std::span<const Candidates> lists, std::span<const Kept>, Evidence&) {
    for (Member m : lists[0].members)
      for (std::int64_t i = 0; i < m.parameter.numel(); ++i) m.parameter.mutable_data()[i] *= 2;
  };
  const auto before = bits_of(model);
  CHECK(run().lists[1].points[1].accuracy != once);
  CHECK(calls == std::vector<std::size_t>(2 * 2, 1));
  CHECK(bits_of(model) == before);
}

TEST_CASE("sensitivity: layers leave whole, one point each") {
  using namespace layers;
  const layers::Model plain(Sequential{{"conv1", Conv2d(3, 4, {.padding = 1})},
                                       {"relu1", ReLU()},
                                       {"conv2", Conv2d(4, 4, {.padding = 1})},
                                       {"bn2", BatchNorm(4)},
                                       {"relu2", ReLU()},
                                       {"conv3", Conv2d(4, 4, {.padding = 1})},
                                       {"flatten", Flatten()},
                                       {"fc", layers::Linear(4 * 32 * 32, 3)}},
                            {3, 32, 32}, 1);
  for (const layers::Model& model : {layers::make_model("resnet20", 10, 3), plain}) {
    const Power measure{random_examples(1, 7, {3, 32, 32}).images};
    const Method method{.structure = Structure::Layer};
    const Sensitivity found = sensitivity(model, method, measure);
    const std::vector<Removable> expected = removable_layers(model);
    CHECK(expected.size() == (model.name().empty() ? 2 : 9));
    CHECK(sensitivity_points(model, method) == static_cast<std::int64_t>(expected.size()));
    REQUIRE(found.lists.size() == expected.size());
    for (std::size_t l = 0; l < expected.size(); ++l) {
      const layers::Model copy = model.clone();
      copy.eval();
      remove_layer(copy, removable_layers(copy)[l]);
      CHECK(found.lists[l].name == expected[l].name);
      REQUIRE(found.lists[l].points.size() == 1);
      CHECK(found.lists[l].points[0].achieved == 1);
      CHECK(found.lists[l].points[0].accuracy == measure(copy));
      CHECK(found.lists[l].points[0].accuracy != found.dense);
    }
    CHECK(removed_layers(model) == 0);
  }
}

TEST_CASE("sensitivity: where a pattern or a cut decides, it gives the one point") {
  const layers::Model model = small_net();
  Method method{.structure = NM, .criterion = sum_of_weights(), .n = 1, .m = 4};
  Sensitivity found = sensitivity(model, method, power());
  REQUIRE(found.lists.size() == 4);
  REQUIRE(found.lists[3].points.size() == 1);
  CHECK(found.lists[3].points[0].achieved == 0.75);
  CHECK(found.lists[3].points[0].asked == 0.75);
  method = {.structure = Neuron, .criterion = sum_of_weights()};
  method.criterion.cut = 1e9;  // all but the floor
  found = sensitivity(model, method, power());
  REQUIRE(found.lists[0].points.size() == 1);
  CHECK(found.lists[0].points[0].achieved == doctest::Approx(7.0 / 8));
}

TEST_CASE("sensitivity: what makes no sense is one sentence") {
  const layers::Model model = small_net();
  const auto message = [&](const Method& method, const SensitivityOptions& options = {}) {
    return error_of([&] { sensitivity(model, method, power(), options); });
  };
  Method by_macs{.criterion = sum_of_weights()};
  by_macs.scope.count = Count::Macs;
  CHECK(message({.criterion = sum_of_weights()}, {.sparsities = {0.5, 1}}) ==
        "sparsity: found 1, expected at least 0 and below 1");
  CHECK(message({.criterion = sum_of_weights()}, {.sparsities = {}}) ==
        "sensitivity: found no sparsities, expected at least one");
  CHECK(message({.criterion = by_gradient()}) ==
        "criterion sum: found no pictures to judge by, expected at least one batch");
  CHECK(message(by_macs).find("sensitivity: found a scope that counts over the whole network") ==
        0);
  CHECK(message({.structure = Layer}) ==
        "model: found no layer that may be removed, expected at least one");
  Method nowhere{.criterion = sum_of_weights()};
  nowhere.only = {"conv9"};
  CHECK(message(nowhere).find("conv9") != std::string::npos);
}
