// Selection: asked is achieved, with ties, floors and what is gone already; schedules.
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

std::vector<Scores> constant_scores(const std::vector<Candidates>& lists, double value = 1) {
  std::vector<Scores> scores;
  for (const Candidates& list : lists) scores.emplace_back(list.count, value);
  return scores;
}

std::vector<Scores> magnitudes(const std::vector<Candidates>& lists) {
  std::vector<Scores> scores;
  for (const Candidates& list : lists) {
    Scores s(list.count, 0);
    list.each([&](const Member& m, std::int64_t i, std::int64_t set) {
      if (m.part == Part::Weight) s[set] += std::abs(m.parameter.data()[i]);
    });
    scores.push_back(s);
  }
  return scores;
}

void carry_out(const std::vector<Candidates>& lists, const Selection& selection) {
  for (std::size_t l = 0; l < lists.size(); ++l) remove(lists[l], selection.kept[l]);
}

}  // namespace

TEST_CASE("select: asked is achieved where every score is the same") {
  const layers::Model model = small_net();
  for (const Structure structure : {Weight, Block, Filter, Neuron})
    for (const double sparsity : {0.0, 0.2, 0.5, 0.75})
      for (const bool global : {false, true}) {
        const auto lists =
            candidates(model, {.structure = structure, .block_rows = 2, .block_columns = 2});
        const auto selection =
            select(model, lists, constant_scores(lists), sparsity, {.global = global});
        std::int64_t all = 0, away = 0;
        for (std::size_t l = 0; l < lists.size(); ++l) {
          all += lists[l].count;
          away += gone(selection.kept[l]);
          if (!global)
            CHECK(gone(selection.kept[l]) ==
                  std::llround(sparsity * static_cast<double>(lists[l].count)));
        }
        if (global) CHECK(away == std::llround(sparsity * static_cast<double>(all)));
        CHECK(selection.achieved == doctest::Approx(static_cast<double>(away) / all));
      }
}

TEST_CASE("select: of equal scores the first go, whatever the sort does") {
  const layers::Model model = small_net();
  const auto lists = candidates(model, {.only = {"fc2"}});
  const auto kept = select(model, lists, constant_scores(lists, 0), 0.25).kept[0];
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(kept[i] == (i >= kept.size() / 4));
}

TEST_CASE("select: the lowest go, locally in each list and globally over all") {
  const layers::Model model = small_net();
  const auto lists = candidates(model, {});
  const auto scores = magnitudes(lists);
  const auto largest_gone = [&](const Selection& s, std::size_t l) {
    double largest = 0;
    for (std::size_t i = 0; i < scores[l].size(); ++i)
      if (!s.kept[l][i]) largest = std::max(largest, scores[l][i]);
    return largest;
  };
  const auto smallest_kept = [&](const Selection& s, std::size_t l) {
    double smallest = 1e9;
    for (std::size_t i = 0; i < scores[l].size(); ++i)
      if (s.kept[l][i]) smallest = std::min(smallest, scores[l][i]);
    return smallest;
  };
  const Selection local = select(model, lists, scores, 0.6);
  const Selection global = select(model, lists, scores, 0.6, {.global = true});
  for (std::size_t l = 0; l < lists.size(); ++l) {
    CHECK(largest_gone(local, l) <= smallest_kept(local, l));
    for (std::size_t k = 0; k < lists.size(); ++k)
      CHECK(largest_gone(global, l) <= smallest_kept(global, k));
  }
  // Divided by their mean, all lists lose some.
  const Selection even =
      select(model, lists, scores, 0.6, {.global = true, .normalise = Normalise::Mean});
  for (const Kept& kept : even.kept) CHECK(gone(kept) > 0.4 * static_cast<double>(kept.size()));
}

TEST_CASE("select: a floor keeps a layer alive, and what cannot be reached is an error") {
  const layers::Model model = small_net();
  const auto lists = candidates(model, {.structure = Filter});
  auto scores = constant_scores(lists);
  for (double& score : scores[0]) score = 0;  // conv1 would go first, to the last filter
  const Selection selection = select(model, lists, scores, 0.7, {.global = true});
  CHECK(gone(selection.kept[0]) == 5);
  CHECK(gone(selection.kept[1]) == 3);
  CHECK(error_of([&] { select(model, lists, scores, 0.95, {.global = true}); }) ==
        "sparsity: found 0.95, which leaves a layer with fewer than 1 filters, expected at most "
        "0.818182");
  CHECK(error_of([&] { select(model, lists, scores, 0.95); }) ==
        "conv1: found a sparsity of 0.95, which leaves 0 of 6 filters, expected at least 1");
  CHECK(error_of([&] { select(model, lists, scores, 0.5, {.floor = 3}); }) ==
        "conv2: found a sparsity of 0.5, which leaves 2 of 5 filters, expected at least 3");
}

TEST_CASE("select: ratios of single lists, and nonsense") {
  const layers::Model model = small_net();
  const auto lists = candidates(model, {.structure = Filter});
  const auto scores = magnitudes(lists);
  const auto kept = select(model, lists, scores, 0.5, {.ratios = {{"conv2", 0.2}}}).kept;
  CHECK(gone(kept[0]) == 3);
  CHECK(gone(kept[1]) == 1);
  const auto message = [&](double sparsity, const Scope& scope) {
    return error_of([&] { select(model, lists, scores, sparsity, scope); });
  };
  CHECK(message(1, {}) == "sparsity: found 1, expected at least 0 and below 1");
  CHECK(message(-0.1, {}) == "sparsity: found -0.1, expected at least 0 and below 1");
  CHECK(message(NAN, {}) == "sparsity: found nan, expected at least 0 and below 1");
  CHECK(message(0.5, {.ratios = {{"conv7", 0.5}}}) ==
        "sparsity: found a ratio for conv7, expected one of the layers that may lose some");
  auto broken = scores;
  broken[1][2] = NAN;
  CHECK(error_of([&] { select(model, lists, broken, 0.5); }) ==
        "conv2: found a score that is not a number, expected one for each filter");
}

TEST_CASE("select: ratios of weights and of multiply-adds are those of the network") {
  for (const Count count : {Count::Weights, Count::Macs})
    for (const bool global : {false, true}) {
      const layers::Model model = small_net();
      const auto lists = candidates(model, {.structure = Filter});
      const auto before = layers::summary(model).total;
      const Selection selection =
          select(model, lists, magnitudes(lists), 0.5, {.global = global, .count = count});
      carry_out(lists, selection);
      const auto after = layers::summary(model).total;
      const double left =
          count == Count::Macs ? static_cast<double>(after.macs.nonzero) / before.macs.dense : 0;
      if (count == Count::Macs) CHECK(1 - left == doctest::Approx(selection.achieved));
      CHECK(std::abs(selection.achieved - 0.5) < 0.12);  // a filter is a tenth of this network
      CHECK(sparsity(model, lists, count) == doctest::Approx(selection.achieved));
    }
}

TEST_CASE("select: ratios do not compound, and methods in sequence add up") {
  const layers::Model model = small_net();
  const auto filters = candidates(model, {.structure = Filter});
  for (const double sparsity : {0.2, 0.4, 0.5, 0.5})
    carry_out(filters, select(model, filters, magnitudes(filters), sparsity));
  CHECK(gone(kept(filters[0])) == 3);  // six steps to 50 % once made 75 %
  CHECK(gone(kept(filters[1])) == 3);  // of 5
  const auto weights = candidates(model, {});
  carry_out(weights, select(model, weights, magnitudes(weights), 0.8));
  for (const Candidates& list : weights)
    CHECK(gone(kept(list)) == std::llround(0.8 * static_cast<double>(list.count)));
  CHECK(gone(kept(filters[0])) >= 3);
  // Less than is gone already changes nothing.
  const auto before = kept(weights[0]);
  carry_out(weights, select(model, weights, magnitudes(weights), 0.3));
  CHECK(kept(weights[0]) == before);
}

TEST_CASE("select: n of m neighbours stay, in each row") {
  const layers::Model model = small_net();
  const auto lists = candidates(model, {.structure = NM});
  const auto scores = magnitudes(lists);
  const Selection selection = select_pattern(lists, scores, 2, 4);
  for (std::size_t l = 0; l < lists.size(); ++l) {
    const Parameter weight = lists[l].members[0].parameter;
    const std::int64_t columns = weight.numel() / weight.size(0);
    for (std::int64_t row = 0; row < weight.numel(); row += columns)
      for (std::int64_t at = 0; at < columns; at += 4) {
        const std::int64_t size = std::min<std::int64_t>(4, columns - at);
        std::int64_t stay = 0;
        double lowest = 1e9, highest = 0;
        for (std::int64_t i = row + at; i < row + at + size; ++i) {
          stay += selection.kept[l][i];
          (selection.kept[l][i] ? lowest : highest) = selection.kept[l][i]
                                                          ? std::min(lowest, scores[l][i])
                                                          : std::max(highest, scores[l][i]);
        }
        REQUIRE(stay == (size + 1) / 2);
        REQUIRE(highest <= lowest);
      }
  }
  CHECK(error_of([&] { select_pattern(lists, scores, 4, 4); }) ==
        "n:m: found 4:4, expected n at least 1 and below m");
}

TEST_CASE("select: a cut decides by itself, but for the floor") {
  const layers::Model model = small_net();
  const auto lists = candidates(model, {.only = {"fc1", "fc2"}});
  const auto scores = magnitudes(lists);
  const Selection selection = select_above(lists, scores, 0.1);
  for (std::size_t l = 0; l < lists.size(); ++l)
    for (std::size_t i = 0; i < scores[l].size(); ++i)
      CHECK(selection.kept[l][i] == (scores[l][i] >= 0.1));
  CHECK(gone(select_above(lists, scores, 100).kept[1]) == lists[1].count - 1);
  CHECK_THROWS_WITH_AS(select_above(lists, scores, 100, -1), "floor: found -1, expected 0 or more",
                       Error);
}

TEST_CASE("schedules: when and how much") {
  const Schedule all = one_shot(0.9, 2);
  CHECK(all.at(1.9) == 0);
  CHECK(all.at(2) == 0.9);
  CHECK_FALSE(all.due(1.8, 1.9));
  CHECK(all.due(1.9, 2));
  CHECK_FALSE(all.due(2, 2.1));

  const Schedule steps = iterative(0.8, 4, {.begin = 0, .end = 3});
  const double expected[] = {0.2, 0.4, 0.6, 0.8};
  for (int e = 0; e < 4; ++e) CHECK(steps.at(e + 0.5) == doctest::Approx(expected[e]));

  const Schedule curve = cubic(0.1, 0.9, {.begin = 1, .end = 5, .every = 1});
  CHECK(curve.at(0.5) == 0);
  CHECK(curve.at(1) == doctest::Approx(0.1));
  CHECK(curve.at(2) == doctest::Approx(0.9 - 0.8 * 27 / 64));
  CHECK(curve.at(2.9) == curve.at(2));
  CHECK(curve.at(9) == doctest::Approx(0.9));
  CHECK(curve.final() == doctest::Approx(0.9));

  // 20 % of the remaining weights a level.
  const Schedule lottery = exponential(0, 1 - std::pow(0.8, 5), {.begin = 0, .end = 5, .every = 1});
  for (int level = 0; level <= 5; ++level)
    CHECK(lottery.at(level) == doctest::Approx(1 - std::pow(0.8, level)));

  // Every pruning falls into exactly one step, whatever the length of an epoch.
  for (const int length : {1, 3, 7, 391}) {
    const Schedule often = cubic(0, 0.5, {.begin = 0.5, .end = 2, .every = 0.25});
    int prunings = 0;
    for (int step = 0; step < 3 * length; ++step)
      prunings +=
          often.due(static_cast<double>(step) / length, static_cast<double>(step + 1) / length);
    CHECK(prunings == std::min(7, length == 1 ? 2 : length == 3 ? 5 : 7));
  }
  CHECK(error_of([] { cubic(0, 1, {}); }) == "sparsity: found 1, expected at least 0 and below 1");
  CHECK(error_of([] { one_shot(0.5, -1); }).find("expected one from 0 on") != std::string::npos);
}

TEST_CASE("select: with a base, ratios are shares of what that left") {
  for (const bool global : {false, true}) {
    CAPTURE(global);
    const layers::Model model = layers::LeNet300();
    Method method{.scope = {.global = global}};
    prune(model, method, 0.5);
    const auto lists = candidates(model, target_of(method));
    method.scope.base = base_of(model, lists, Count::Sets);
    CHECK(method.scope.base.pruned == doctest::Approx(0.5));
    CHECK(original_count(model, lists, Count::Sets) == 784 * 300 + 300 * 100 + 100 * 10);
    CHECK(prune(model, method, 0.6).achieved == doctest::Approx(0.8));
    CHECK(prune(model, method, 0.2).achieved == doctest::Approx(0.8));  // less than is gone
  }
  const Base half{0.5};
  CHECK(half.to_original(0.6) == doctest::Approx(0.8));
  CHECK(half.from_original(0.8) == doctest::Approx(0.6));
  CHECK(half.from_original(0.2) == 0);
}

TEST_CASE("schedules: the first and the last sparsity are exactly those asked for") {
  for (int i = 0; i < 1000; ++i) {
    const double to = i / 1000.0, from = to / 3;
    for (const int steps : {1, 3, 7}) {
      const Span span{.begin = 1, .end = 1.0 + steps, .every = 1};
      for (const Schedule& schedule : {cubic(from, to, span), exponential(from, to, span)}) {
        REQUIRE(schedule.at(1) == from);
        REQUIRE(schedule.at(1.0 + steps) == to);
        REQUIRE(schedule.final() == to);
      }
      REQUIRE(iterative(to, steps, span).final() == to);
    }
  }
}
