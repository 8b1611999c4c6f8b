// Criteria that need no data, on numbers worked out by hand, and what all criteria have in common.
#include <algorithm>
#include <numeric>

#include "core/parallel.h"
#include "tests/test_pruning_criteria.h"

using namespace espalier;
using namespace espalier::testing;
using namespace espalier::pruning;

namespace {

double total(const Scores& scores) { return std::accumulate(scores.begin(), scores.end(), 0.0); }

}  // namespace

TEST_CASE("magnitude and l2 are made of the weights that make a unit, or read it as well") {
  const layers::Model model = small_mlp();
  Evidence evidence(model);
  const auto units = lists_of(model, Neuron);
  CHECK(scores_of(magnitude(), units, evidence, "fc1") == Scores{3, 0.5, 7});
  CHECK(scores_of(magnitude(Over::All), units, evidence, "fc1") == Scores{5, 3.5, 11});
  check_near(scores_of(l2(), units, evidence, "fc1"), {std::sqrt(5), 0.5, 5});
  check_near(scores_of(l2(Over::All), units, evidence, "fc1"),
             {std::sqrt(7), std::sqrt(5.25), std::sqrt(35)});
  const auto weights = lists_of(model, Weight);
  CHECK(scores_of(magnitude(), weights, evidence, "fc1") == Scores{1, 2, 0.5, 0, 3, 4});
  CHECK(scores_of(l2(), weights, evidence, "fc2") == Scores{1, 2, 3, 1, 1, 1});
  const auto blocks = candidates(model, {.structure = Block, .block_rows = 2, .block_columns = 1});
  CHECK(scores_of(magnitude(), blocks, evidence, "fc1") == Scores{1.5, 2, 3, 4});
}

TEST_CASE("a layer's magnitude is that of all its elements") {
  const layers::Model model(layers::Sequential{{"in", layers::Linear(2, 2)},
                                               {"fc", layers::Linear(2, 2)},
                                               {"out", layers::Linear(2, 2)}},
                            {2});
  set(model, "fc.weight", {1, -2, 3, -4});
  set(model, "fc.bias", {5, -6});
  Evidence evidence(model);
  const auto lists = candidates(model, {.structure = Layer, .only = {"fc"}});
  CHECK(scores_of(magnitude(), lists, evidence, "layers") == Scores{21});
}

TEST_CASE("the geometric median is far from few; those that have left are no neighbours") {
  const layers::Model model = small_mlp();
  Evidence evidence(model);
  const auto units = lists_of(model, Neuron);
  const double d01 = std::sqrt(4.25), d02 = std::sqrt(8), d12 = std::sqrt(22.25);
  check_near(scores_of(geometric_median(), units, evidence, "fc1"),
             {d01 + d02, d01 + d12, d02 + d12});
  remove(units[0], {1, 0, 1});
  check_near(scores_of(geometric_median(), units, evidence, "fc1"), {d02, 0, d02});
}

TEST_CASE("a threshold is compared with weights, or with deviations as they were at first") {
  const layers::Model model = small_mlp();
  Evidence evidence(model);
  const auto units = lists_of(model, Neuron), weights = lists_of(model, Weight);
  CHECK(scores_of(threshold(1), units, evidence, "fc1") == Scores{1.5, 0.25, 3.5});
  CHECK(threshold(0.25).cut == 0.25);
  // fc1: mean -0.25, mean of squares 30.25 / 6
  const double deviation = std::sqrt(30.25 / 6 - 0.0625);
  const Criterion relative = threshold(1, true);
  const auto expect = [&](std::vector<double> expected) {
    for (double& x : expected) x /= deviation;
    check_near(scores_of(relative, weights, evidence, "fc1"), expected);
  };
  expect({1, 2, 0.5, 0, 3, 4});
  set(model, "fc1.weight", {7, 8, 9, 10, 11, -12});
  expect({7, 8, 9, 10, 11, 12});
  set(model, "fc2.weight", {0, 0, 0, 0, 0, 0});  // no deviation, and no number to divide by it
  CHECK(scores_of(threshold(1, true), weights, evidence, "fc2") == Scores(6, 0));
  CHECK(error_of([] { threshold(-1); }) ==
        "criterion threshold: found -1, expected a number of at least 0");
}

TEST_CASE("bn-scale is the mean |scale| of the norms of a unit") {
  const layers::Model model = small_resnet();
  set(model, "bn.weight", {0.5, -2, 0, 1, 3});
  set(model, "block.bn.weight", {1, 1, -1, 0, 0});
  Evidence evidence(model);
  auto units = candidates(model, {.structure = Filter, .leave_out = {"conv2"}});
  CHECK(scores_of(bn_scale(), units, evidence, "conv") == Scores{0.75, 1.5, 0.5, 0.5, 1.5});
  check_near(scores_of(bn_scale(), lists_of(model, Layer), evidence, "layers"), {0.6});
  units = lists_of(model, Filter);
  CHECK(error_of([&] { bn_scale().score(units, evidence); }) ==
        "criterion bn-scale: found no batch norm in the group conv2, expected one whose scale "
        "tells what matters");
}

TEST_CASE("random differs by seed, by list and by round, and is no order by place") {
  const layers::Model model(layers::Sequential{{"fc1", layers::Linear(20, 20)},
                                               {"fc2", layers::Linear(20, 20)},
                                               {"fc3", layers::Linear(20, 20)}},
                            {20});
  const auto units = lists_of(model, Neuron);
  REQUIRE(units.size() == 2);
  Evidence a(model, {}, 1), again(model, {}, 1), other(model, {}, 2);
  const auto first = pruning::random().score(units, a);
  CHECK(first == pruning::random().score(units, again));
  CHECK(first != pruning::random().score(units, other));
  CHECK(first != pruning::random().score(units, a));
  CHECK(first[0] != first[1]);
  for (const Scores& scores : first) {
    CHECK_FALSE(std::is_sorted(scores.begin(), scores.end()));
    CHECK_FALSE(std::is_sorted(scores.rbegin(), scores.rend()));
    CHECK(std::all_of(scores.begin(), scores.end(), [](double s) { return s >= 0 && s < 1; }));
  }
  // Among many there are low ones everywhere, and their mean is a half.
  const auto weights = lists_of(model, Weight);
  const Scores many = pruning::random().score(weights, a)[0];
  CHECK(total(many) / static_cast<double>(many.size()) == doctest::Approx(0.5).epsilon(0.1));
  CHECK(std::min_element(many.begin(), many.end()) != many.begin());
}

TEST_CASE("type: every second layer of a stage goes first") {
  const layers::Model model = layers::ResNet20(10, 0, {3, 8, 8});
  Evidence evidence(model);
  const auto lists = lists_of(model, Layer);
  CHECK(scores_of(type(), lists, evidence, "layers") == Scores{1, 0, 1, 1, 0, 1, 1, 0, 1});
}

TEST_CASE("every criterion gives the same bits with one thread and with two, and numbers") {
  const layers::Model model = small_resnet();
  auto units = candidates(model, {.structure = Filter, .leave_out = {"conv2"}});
  const auto weights = lists_of(model, Weight), all_layers = lists_of(model, Layer);
  remove(units[0], {1, 1, 0, 1, 1});  // what is gone gives numbers too
  const std::vector<Examples> batches = {random_examples({19, 2, 5, 7}, 3, 1),
                                         random_examples({3, 2, 5, 7}, 3, 2)};
  const int threads = num_threads();
  for (const char* name : {"magnitude", "l2", "weighted", "gradient", "taylor", "activation",
                           "variance", "apoz", "entropy", "mutual-information", "bn-scale",
                           "geometric-median", "snip", "synflow", "random", "type"}) {
    CAPTURE(name);
    const Criterion made = criterion(name);
    CHECK(made.name == name);
    int judged = 0;
    for (const auto& lists : {units, weights, all_layers}) {
      if (made.refuses && !made.refuses(lists[0].structure).empty()) continue;
      ++judged;
      std::vector<std::vector<Scores>> found;
      // The other structures go through the same loops.
      for (int count = 1; count <= (judged == 1 ? 2 : 1); ++count) {
        set_num_threads(count);
        Evidence evidence(model, batches, 5);
        found.push_back(made.score(lists, evidence));
      }
      set_num_threads(threads);
      CHECK(found.front() == found.back());
      for (const Scores& scores : found[0])
        CHECK(std::all_of(scores.begin(), scores.end(),
                          [](double s) { return std::isfinite(s) && s >= 0; }));
    }
    CHECK(judged > 0);
  }
}

TEST_CASE("a criterion of one's own") {
  const layers::Model model = small_mlp();
  const Criterion cubes = criterion("cubes", [](const Candidates& c) {
    Scores score(c.count);
    c.each([&](const Member& m, auto i, auto set) {
      if (m.part == Part::Weight) score[set] += std::pow(std::abs(m.parameter.data()[i]), 3);
    });
    return score;
  });
  Evidence evidence(model);
  check_near(scores_of(cubes, lists_of(model, Neuron), evidence, "fc1"), {9, 0.125, 91});
}

TEST_CASE("what a criterion cannot judge is refused in a sentence") {
  const layers::Model model = small_resnet();
  const auto refusals = [&](const char* name) {
    const Criterion made = criterion(name);
    std::string refused;
    for (const Structure s : {Weight, Block, NM, Neuron, Filter, Layer})
      if (made.refuses && !made.refuses(s).empty())
        refused += (refused.empty() ? "" : " ") + std::string(pruning::name(s));
    return refused;
  };
  for (const char* name :
       {"magnitude", "l2", "random", "weighted", "gradient", "taylor", "snip", "synflow"})
    CHECK(refusals(name) == "");
  for (const char* name :
       {"activation", "variance", "apoz", "entropy", "mutual-information", "geometric-median"})
    CHECK(refusals(name) == "weight block n:m layer");
  CHECK(refusals("bn-scale") == "weight block n:m");
  CHECK(refusals("type") == "weight block n:m neuron filter");

  Evidence none(model), some(model, {random_examples({3, 2, 5, 7}, 3, 1)});
  const auto said = [&](const Criterion& c, Structure s, Evidence& evidence) {
    return error_of([&] { c.score(lists_of(model, s), evidence); });
  };
  CHECK(said(apoz(), Weight, some) ==
        "criterion apoz: found weights, which have no output of their own, expected neurons or "
        "filters");
  CHECK(said(geometric_median(), Layer, some) ==
        "criterion geometric-median: found layers, which have no others of their shape beside "
        "them, expected neurons or filters");
  CHECK(said(bn_scale(), NM, some) ==
        "criterion bn-scale: found n:m patterns, which have no scale of their own, expected "
        "neurons, filters or layers");
  CHECK(said(type(), Filter, some) == "criterion type: found filters, expected layers");
  CHECK(said(threshold(1), NM, some) ==
        "criterion threshold: found n:m patterns, which fix how many weights go, expected another "
        "structure");
  for (const Criterion& c : {weighted(), gradient(), taylor(), snip(), activation(), variance(),
                             apoz(), entropy(), mutual_information()}) {
    CHECK(c.needs_data);
    CHECK(said(c, Filter, none) == "criterion " + c.name +
                                       ": found no pictures to judge by, expected at least one "
                                       "batch");
  }
  CHECK(error_of([] { criterion("threshold"); }) ==
        "criterion: found 'threshold' without its number, expected threshold(t) with one");
  CHECK(error_of([] { criterion("bogus"); })
            .starts_with("criterion: found 'bogus', expected one "
                         "of magnitude, l2, "));
}
