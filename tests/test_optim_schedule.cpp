// Schedules: against PyTorch 1.13's, and at their edges.
#include "optim/schedule.h"

#include <utility>

#include "tests/test_optim.h"

using namespace espalier;
using namespace espalier::testing;
using optim::Schedule;
using Points = std::vector<std::pair<int, double>>;  // step and rate

namespace {

void check_points(const Schedule& schedule, int total, const Points& points) {
  for (const auto& [step, rate] : points) {
    CAPTURE(step);
    CHECK(std::abs(schedule.at(step, total) - rate) <= 1e-6 * rate);
  }
}

}  // namespace

TEST_CASE("one-cycle has the rates of PyTorch's OneCycleLR") {
  // OneCycleLR(o, 0.1, total_steps=100, pct_start=0.2)
  const Points standard = {
      {0, 0.004},        {1, 0.00465465744}, {10, 0.0559638086}, {18, 0.0993453426},   {19, 0.1},
      {20, 0.099961452}, {50, 0.0673059836}, {80, 0.0132842214}, {98, 3.89480338e-05}, {99, 4e-07}};
  check_points(optim::one_cycle({.max_lr = 0.1}), 100, standard);
  check_points(optim::schedule("one-cycle", {.lr = 0.1}), 100, standard);
  check_points(optim::schedule("one-cycle", {.lr = 0.1, .warmup = 0.5}), 100,
               {{0, 0.004}, {49, 0.1}, {99, 4e-07}});
  // OneCycleLR(o, 0.05, total_steps=37, pct_start=0.3, div_factor=10, final_div_factor=100)
  check_points(
      optim::one_cycle({.max_lr = 0.05, .warmup = 0.3, .div_factor = 10, .final_div_factor = 100}),
      37,
      {{0, 0.005},
       {5, 0.0271500842},
       {10, 0.0499891164},
       {11, 0.0498513279},
       {20, 0.0340553183},
       {36, 5e-05}});
  // OneCycleLR(o, 0.1, total_steps=3, pct_start=0.2): the top lies before the first step
  check_points(optim::one_cycle({.max_lr = 0.1}), 3,
               {{0, 0.093301297}, {1, 0.0370592995}, {2, 4e-07}});
}

TEST_CASE(
    "one-cycle is a rate in its bounds for every length, where PyTorch's divides by zero too") {
  for (const double warmup : {0.0, 0.2, 0.5, 1.0})
    for (int total = 1; total <= 40; ++total)
      for (int step = 0; step <= total; ++step) {
        const float rate = optim::one_cycle({.warmup = warmup}).at(step, total);
        REQUIRE(rate >= 0.1f / 25e4f * 0.999f);
        REQUIRE(rate <= 0.1f);
      }
  CHECK(optim::one_cycle({}).at(0, 5) == 0.1f);  // the warm-up is one step long
}

TEST_CASE("the momentum that goes with one-cycle is that of PyTorch's OneCycleLR") {
  // OneCycleLR(o, 0.1, total_steps=100, pct_start=0.2) with its cycle_momentum
  check_points(optim::cycle_momentum({}), 100,
               {{0, 0.95},
                {1, 0.949318065},
                {10, 0.895871033},
                {18, 0.850681935},
                {19, 0.85},
                {20, 0.850038548},
                {50, 0.882694147},
                {80, 0.936716125},
                {98, 0.949961452},
                {99, 0.95}});
  CHECK(error_of([] { optim::cycle_momentum({.high = 1}); }) ==
        "cycle momentum: high: found 1, expected a number in [0, 1)");
}

TEST_CASE("cosine has the rates of PyTorch's CosineAnnealingLR") {
  // CosineAnnealingLR(o, 50, eta_min=0.001), lr=0.02
  const Points expected = {{0, 0.02},    {1, 0.0199812539},   {10, 0.0181856614},
                           {25, 0.0105}, {49, 0.00101874608}, {50, 0.001}};
  check_points(optim::cosine({.lr = 0.02, .floor = 0.001}), 50, expected);
  check_points(optim::schedule("cosine", {.lr = 0.02, .floor = 0.001}), 50, expected);
}

TEST_CASE("step has the rates of PyTorch's StepLR, with any number of steps an epoch") {
  // StepLR(o, 30, 0.1), lr=0.1, over 90 epochs
  const Points epochs = {{0, 0.1}, {29, 0.1}, {30, 0.01}, {59, 0.01}, {60, 0.001}, {89, 0.001}};
  const Schedule s = optim::step_decay({.lr = 0.1, .every = 30, .gamma = 0.1, .epochs = 90});
  check_points(s, 90, epochs);
  for (const auto& [epoch, rate] : epochs)
    check_points(s, 90 * 391, {{epoch * 391, rate}, {epoch * 391 + 390, rate}});
  check_points(optim::schedule("step", {.lr = 0.1, .epochs = 90, .every = 30, .gamma = 0.1}), 90,
               epochs);
}

TEST_CASE("warm-up goes before any other schedule, which has the rest for itself") {
  // SequentialLR(o, [LinearLR(o, 0.01, total_iters=10), CosineAnnealingLR(o, 90)], [10]), lr=0.1
  check_points(optim::warm_up(optim::cosine({.lr = 0.1}), {.share = 0.1, .from = 0.01}), 100,
               {{0, 0.001},
                {1, 0.0109},
                {5, 0.0505},
                {9, 0.0901},
                {10, 0.1},
                {11, 0.0999695414},
                {55, 0.05},
                {99, 3.0458649e-05}});
  check_points(optim::schedule("constant", {.lr = 0.1, .warmup = 0.1}), 100,
               {{0, 0.001}, {5, 0.0505}, {10, 0.1}, {99, 0.1}});
  check_points(optim::warm_up(optim::constant(0.1), {.share = 0}), 100, {{0, 0.1}});
  check_points(optim::warm_up(optim::constant(0.1), {.share = 1}), 10, {{0, 0.001}, {10, 0.1}});
  check_points(optim::warm_up(optim::cosine({.lr = 0.1}), {.share = 0.5}), 1, {{0, 0.001}});
}

TEST_CASE("schedules meet their ends exactly, however far apart these are") {
  for (const double from : {0.1, 1e-9, 0.3, 7e8})
    for (const double to : {0.0, 0.1, 1e-7, 0.7, 3e9}) {
      const Schedule schedule = optim::cosine({.lr = from, .floor = to});
      CHECK(schedule.at(0, 37) == static_cast<float>(from));
      CHECK(schedule.at(37, 37) == static_cast<float>(to));
    }
  for (const double lr : {0.1, 0.3, 0.7}) {
    const Schedule schedule =
        optim::one_cycle({.max_lr = lr, .warmup = 0.25, .div_factor = 8, .final_div_factor = 1e9});
    CHECK(schedule.at(0, 40) == static_cast<float>(lr / 8));
    CHECK(schedule.at(9, 40) == static_cast<float>(lr));
    CHECK(schedule.at(39, 40) == static_cast<float>(lr / 8e9));
  }
  // Close to the end of a long training: 1 + cos would have no digits left there.
  const double last = 0.1 * std::pow(std::sin(std::acos(-1) / 2 * 1e-7), 2);
  CHECK(std::abs(optim::cosine({.lr = 0.1}).at(9999999, 10000000) - last) <= 1e-6 * last);
}

TEST_CASE("constant is constant, and so is every schedule outside of its steps") {
  check_points(optim::constant(0.3), 7, {{0, 0.3}, {3, 0.3}, {7, 0.3}});
  const Schedule s = optim::cosine({.lr = 0.1, .floor = 0.01});
  check_points(s, 10, {{-5, 0.1}, {10, 0.01}, {1000, 0.01}});
  CHECK(optim::one_cycle({}).at(1000, 100) == optim::one_cycle({}).at(99, 100));
}

TEST_CASE("a function of one's own is a schedule") {
  const Schedule linear([](std::int64_t step, std::int64_t total) {
    return 0.1 * static_cast<double>(total - step) / static_cast<double>(total);
  });
  check_points(linear, 10, {{0, 0.1}, {5, 0.05}, {10, 0}});
  check_points(optim::warm_up(linear, {.share = 0.5, .from = 0}), 20,
               {{0, 0}, {5, 0.05}, {10, 0.1}, {15, 0.05}});
}

TEST_CASE("schedules refuse what makes no sense") {
  CHECK(error_of([] { optim::schedule("sinus", {}); }) ==
        "schedule: found \"sinus\", expected one of constant, step, cosine, one-cycle");
  CHECK(error_of([] { optim::constant(1).at(0, 0); }) ==
        "schedule: found 0 steps in total, expected at least 1");
  CHECK(error_of([] { optim::constant(-1); }) ==
        "constant: lr: found -1, expected a finite number of at least 0");
  CHECK(error_of([] { optim::cosine({.floor = NAN}); }) ==
        "cosine: floor: found nan, expected a finite number of at least 0");
  CHECK(error_of([] { optim::step_decay({.every = 0}); }) ==
        "step: every: found 0, expected at least 1");
  CHECK(error_of([] { optim::step_decay({.epochs = -3}); }) ==
        "step: epochs: found -3, expected at least 1");
  CHECK(error_of([] { optim::one_cycle({.warmup = 1.5}); }) ==
        "one-cycle: warmup: found 1.5, expected a number in [0, 1]");
  CHECK(error_of([] { optim::one_cycle({.div_factor = 0}); }) ==
        "one-cycle: div_factor: found 0, expected a number above 0");
  CHECK(error_of([] { optim::schedule("cosine", {.warmup = -1.0}); }) ==
        "warm-up: share: found -1, expected a number in [0, 1]");
  for (const std::string& name : optim::schedule_names())
    CHECK(error_of([&] { optim::schedule(name, {}); }) == "no error");
}
