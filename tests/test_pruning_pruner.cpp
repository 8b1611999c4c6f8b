// Pruning within the loop: what is removed stays away, whatever trains; schedules, rounds,
// resuming.
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

std::vector<std::vector<float>> values_of(const layers::Model& model) {
  std::vector<std::vector<float>> values;
  for (const Parameter& p : model.parameters()) values.push_back(p.to_vector());
  return values;
}

// Judges by the gradient of the batches it is given.
Criterion needs_batches() {
  Criterion c = sum_of_weights();
  c.name = "needy";
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

TEST_CASE("prune: a removed filter stays silent through training, in every tensor it has") {
  const layers::Model model = small_net();
  optim::SGD optimizer(model,
                       {.lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-3});
  for (int i = 0; i < 5; ++i) train_step(model, optimizer, random_examples(9, 10 + i));
  const Outcome outcome = prune(model, {.structure = Filter, .criterion = sum_of_weights()}, 0.5);
  CHECK(outcome.lists.size() == 2);
  CHECK(outcome.lists[0].name == "conv1");
  CHECK(outcome.lists[0].gone == 3);
  CHECK(outcome.achieved == doctest::Approx(6.0 / 11));
  const auto lists = candidates(model, {.structure = Filter});
  const auto kept_before = kept(lists[0]);
  for (int i = 0; i < 100; ++i) {
    train_step(model, optimizer, random_examples(9, 100 + i));
    for (const Candidates& list : lists) {
      const Kept now = kept(list);
      list.each([&](const Member& m, std::int64_t at, std::int64_t set) {
        if (now[set]) return;
        if (m.parameter.data()[at] != 0) FAIL(m.parameter.name());
        Parameter p = m.parameter;
        if (p.state("momentum").data()[at] != 0) FAIL(m.parameter.name());
      });
    }
  }
  CHECK(kept(lists[0]) == kept_before);
}

TEST_CASE("prune: filters, then weights, then more filters: nothing comes back") {
  const layers::Model model = small_net();
  prune(model, {.structure = Filter, .criterion = sum_of_weights()}, 0.34);
  const auto weights = prune(model, {.criterion = sum_of_weights()}, 0.7);
  CHECK(weights.achieved == doctest::Approx(0.7).epsilon(0.01));
  const Outcome filters = prune(model, {.structure = Filter, .criterion = sum_of_weights()}, 0.5);
  CHECK(filters.lists[0].gone == 3);
  CHECK(filters.lists[1].gone == 3);
}

TEST_CASE("prune: rounds lead to the same ratio") {
  for (const int rounds : {1, 3, 10}) {
    const layers::Model model = small_net();
    Criterion c = sum_of_weights();
    c.rounds = rounds;
    const Outcome outcome = prune(model, {.criterion = c, .scope = {.global = true}}, 0.9);
    std::int64_t all = 0, away = 0;
    for (const auto& list : outcome.lists) all += list.sets, away += list.gone;
    CHECK(away == std::llround(0.9 * static_cast<double>(all)));
  }
}

TEST_CASE("prune: layers leave by ratio, counted from the network as it was") {
  const layers::Model model = layers::make_model("resnet20", 10, 1);
  const Method method{.structure = Layer, .criterion = sum_of_weights()};
  CHECK(prune(model, method, 3.0 / 9).lists[0].gone == 3);
  CHECK(prune(model, method, 3.0 / 9).lists[0].gone == 3);
  CHECK(prune(model, method, 5.0 / 9).lists[0].gone == 5);
  CHECK(removed_layers(model) == 5);
  const layers::Model vgg = layers::make_model("vgg16", 10, 1);
  CHECK(prune(vgg, method, 2.0 / 9).lists[0].gone == 2);
  CHECK(prune(vgg, method, 2.0 / 9).lists[0].sets == 9);
  CHECK(vgg(Tensor::zeros({2, 3, 32, 32})).shape() == Shape{2, 10});
}

TEST_CASE("prune: what makes no sense is refused before anything changes") {
  const layers::Model model = small_net();
  const auto before = values_of(model);
  Criterion picky = sum_of_weights();
  picky.refuses = [](Structure s) { return s == Filter ? "" : "found weights, expected filters"; };
  CHECK(error_of([&] { prune(model, {.criterion = picky}, 0.5); }) ==
        "criterion sum: found weights, expected filters");
  CHECK(error_of([&] { prune(model, {.criterion = needs_batches()}, 0.5); }) ==
        "criterion needy: found no pictures to judge by, expected at least one batch");
  CHECK(error_of([&] { prune(model, {.criterion = sum_of_weights()}, 1.5); }) ==
        "sparsity: found 1.5, expected at least 0 and below 1");
  CHECK(error_of([&] { Pruner(model, {.criterion = picky}); }).find("criterion sum") == 0);
  CHECK(values_of(model) == before);
  for (const Parameter& p : model.parameters()) CHECK(p.mask() == nullptr);
}

TEST_CASE("pruner: follows its schedule inside the loop, and a resumed loop is the same loop") {
  const auto run = [](int first, int last, const layers::Model& model, int recalled = 0) {
    optim::SGD optimizer(model, {.lr = 0.005, .momentum = 0.9});
    Pruner pruner(model, {.structure = Weight,
                          .criterion = snip(),
                          .sparsity = cubic(0, 0.6, {.begin = 0.5, .end = 2, .every = 0.5})});
    std::vector<double> sparsities;
    for (int step = first - recalled; step < first; ++step)
      pruner.recall(random_examples(8, 50 + step));
    for (int step = first; step < last; ++step) {
      const Examples batch = random_examples(8, 50 + step);
      train_step(model, optimizer, batch);
      if (pruner.step(batch, step, 6)) sparsities.push_back(pruner.sparsity());
    }
    return sparsities;
  };
  const layers::Model whole = small_net(), parts = small_net();
  const auto sparsities = run(0, 18, whole);
  REQUIRE(sparsities.size() == 4);
  CHECK(std::is_sorted(sparsities.begin(), sparsities.end()));
  CHECK(sparsities.back() == doctest::Approx(0.6).epsilon(0.01));
  run(0, 6, parts);
  run(6, 18, parts);
  CHECK(values_of(whole) == values_of(parts));
  // In the middle of an epoch, too, when it sees the batches again that the epoch had by then.
  const layers::Model middle = small_net(), forgetful = small_net();
  for (const layers::Model& model : {middle, forgetful}) run(0, 8, model);
  run(8, 18, middle, 2);
  run(8, 18, forgetful);
  CHECK(values_of(whole) == values_of(middle));
  CHECK(values_of(whole) != values_of(forgetful));
}

TEST_CASE("pruner: takes the whole of a method, blocks of any size too") {
  const layers::Model model = small_net();
  Method method{.structure = Block, .criterion = sum_of_weights()};
  method.block_rows = 2;
  method.block_columns = 3;
  method.sparsity = one_shot(0.5, 1);
  Pruner pruner(model, method);
  CHECK_FALSE(pruner.step(random_examples(2, 1), 0, 2));
  CHECK(pruner.step(random_examples(2, 1), 1, 2));
  CHECK(pruner.last().lists[0].sets == 3 * 9);  // of conv1, [6, 27]
  CHECK(pruner.last().lists[0].gone == 14);
}

TEST_CASE("evidence: leaves mode, values and statistics as they were") {
  const layers::Model model = small_net();
  model.train();
  const auto before = values_of(model);
  std::vector<std::vector<float>> buffers;
  for (const auto& [name, buffer] : model.buffers()) buffers.push_back(buffer.to_vector());
  Evidence evidence(model, {random_examples(7, 1), random_examples(3, 2)});
  int batches = 0;
  evidence.each_batch([&](const Examples& e) {
    batches += static_cast<int>(e.labels.size());
    for (const Parameter& p : model.parameters()) CHECK(p.grad().defined());
  });
  CHECK(batches == 10);
  std::vector<std::string> seen;
  evidence.each_output([&](const layers::Module& layer, const Tensor&, const Tensor&,
                           const Examples&) { seen.push_back(layer.name()); });
  CHECK(seen.size() == 20);
  CHECK(model.training());
  CHECK(values_of(model) == before);
  std::size_t b = 0;
  for (const auto& [name, buffer] : model.buffers()) CHECK(buffer.to_vector() == buffers[b++]);
  for (const Parameter& p : model.parameters()) CHECK_FALSE(p.grad().defined());
}

TEST_CASE("evidence: gradients of single pictures add up to the batch's") {
  const layers::Model model = small_net();
  const Examples batch = random_examples(5, 3);
  Evidence evidence(model, {batch});
  std::vector<std::vector<double>> sum;
  for (const Parameter& p : model.parameters()) sum.emplace_back(p.numel(), 0);
  CHECK(evidence.each_picture(100, [&](const Examples&) {
    std::size_t at = 0;
    for (const Parameter& p : model.parameters()) {
      const auto g = p.grad().to_vector();
      for (std::size_t i = 0; i < g.size(); ++i) sum[at][i] += g[i] / 5.0;
      ++at;
    }
  }) == 5);
  CHECK(evidence.each_picture(3, [](const Examples& e) { CHECK(e.labels.size() == 1); }) == 3);
  evidence.each_batch([&](const Examples&) {
    std::size_t at = 0;
    for (const Parameter& p : model.parameters()) {
      const auto g = p.grad().to_vector();
      for (std::size_t i = 0; i < g.size(); ++i)
        REQUIRE(g[i] == doctest::Approx(sum[at][i]).epsilon(1e-3).scale(1e-2));
      ++at;
    }
  });
}
