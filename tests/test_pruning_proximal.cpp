// Proximal operators against brute force, and the regularisers in a training loop.
#include "optim/optim.h"
#include "pruning/proximal.h"
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

using Values = std::vector<float>;

Parameter weight_of(const Shape& shape, const Values& values) {
  return Parameter(Tensor::from(shape, values), "w");
}

double square(double x) { return x * x; }

bool any_minus_zero(const Tensor& tensor) {
  for (const float x : tensor.to_vector())
    if (x == 0 && std::signbit(x)) return true;
  return false;
}

}  // namespace

TEST_CASE("hard thresholding is the best of all subsets") {
  const Values w = {-1.5f, 0.5f, 0, -0.5f, 0.75f, 0.25f, 2, -0.125f};
  for (const double lambda : {0.0, 0.015625, 0.0625, 0.25, 0.3, 4.0, 9.0}) {
    CAPTURE(lambda);
    const auto objective = [&](const Values& v) {
      double sum = 0;
      for (std::size_t i = 0; i < w.size(); ++i) sum += square(w[i] - v[i]) + lambda * (v[i] != 0);
      return sum;
    };
    double best = 1e9;
    for (int subset = 0; subset < 256; ++subset) {
      Values v = w;
      for (std::size_t i = 0; i < 8; ++i)
        if (!(subset >> i & 1)) v[i] = 0;
      best = std::min(best, objective(v));
    }
    Parameter p = weight_of({8}, w);
    hard_threshold(p, lambda);
    const Values v = p.to_vector();
    CHECK(objective(v) == doctest::Approx(best));
    for (std::size_t i = 0; i < 8; ++i)  // a tie goes
      CHECK(v[i] == (std::abs(w[i]) <= std::sqrt(lambda) ? 0 : w[i]));
    CHECK_FALSE(any_minus_zero(p));
  }
}

TEST_CASE("soft thresholding is the best point of a grid") {
  const Values w = {-1.5f, 0.5f, 0, -0.5f, 0.75f, 0.25f, 2, -0.125f, -0.0f};
  for (const double lambda : {0.0, 0.25, 0.5, 1.0, 1.5, 8.0}) {
    CAPTURE(lambda);
    Parameter p = weight_of({9}, w), filters = weight_of({3, 3}, w);
    soft_threshold(p, lambda);
    filter_l1(filters, lambda);
    CHECK(filters.to_vector() == p.to_vector());
    for (std::size_t i = 0; i < w.size(); ++i) {
      double best = 1e9, at = 0;
      for (int k = -320; k <= 320; ++k) {  // the answers are on it
        const double v = k / 128.0, value = square(w[i] - v) + lambda * std::abs(v);
        if (value < best) best = value, at = v;
      }
      CHECK(p.to_vector()[i] == at);
    }
    CHECK_FALSE((lambda > 0 && any_minus_zero(p)));
  }
}

TEST_CASE("group lasso is the best point of a grid, row by row") {
  const Values w = {0.6f, -0.8f, 0, 0, 0.3f, 0.4f, 1.5f, 0};
  for (const double lambda : {0.0, 0.4, 1.0, 2.0}) {
    CAPTURE(lambda);
    Parameter p = weight_of({4, 2}, w);
    group_lasso(p, lambda);
    const Values v = p.to_vector();
    for (std::size_t r = 0; r < 4; ++r) {
      const auto objective = [&](double a, double b) {
        return square(w[2 * r] - a) + square(w[2 * r + 1] - b) + lambda * std::hypot(a, b);
      };
      double best = 1e9;
      for (int i = -160; i <= 160; ++i)
        for (int j = -160; j <= 160; ++j) best = std::min(best, objective(i / 100.0, j / 100.0));
      const double reached = objective(v[2 * r], v[2 * r + 1]);
      CHECK(reached <= best + 1e-6);
      CHECK(reached >= best - 1e-3);
    }
  }
  // 2 norm2 = lambda goes, as does what is shorter; a row of zeros is no division by zero.
  Parameter p = weight_of({3, 2}, {3, -4, 0, 0, 6, -8});
  group_lasso(p, 10);
  CHECK(p.to_vector() == Values{0, 0, 0, 0, 3, -4});
  CHECK_FALSE(any_minus_zero(p));
  // Filters of a convolution are rows of dimension 0.
  Parameter filters = weight_of({2, 2, 1, 2}, {1, 1, 1, 1, 2, 2, 2, 2});
  group_lasso(filters, 4);
  CHECK(filters.to_vector() == Values{0, 0, 0, 0, 1, 1, 1, 1});
}

TEST_CASE("a regulariser moves by lr times strength, on the layers that it is told") {
  const layers::Model model = small_network(1);
  const auto moved = [&](const RegulariserOptions& options, double lr) {
    std::vector<std::string> names;
    std::vector<Values> before;
    for (const Parameter& p : model.parameters()) before.push_back(p.to_vector());
    Regulariser(model, options).step(lr);
    for (std::size_t i = 0; i < before.size(); ++i) {
      Parameter p = model.parameters()[i];
      if (p.to_vector() != before[i]) names.push_back(p.name());
      p.copy_from(Tensor::from(p.shape(), before[i]));
    }
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(moved({.penalty = Penalty::L1}, 0.1) == Names{"conv1.weight", "conv2.weight", "fc.weight"});
  CHECK(moved({.penalty = Penalty::GroupLasso, .leave_out = {"fc"}}, 0.1) ==
        Names{"conv1.weight", "conv2.weight"});
  CHECK(moved({.penalty = Penalty::FilterL1, .only = {"conv2"}}, 0.1) == Names{"conv2.weight"});
  CHECK(moved({.penalty = Penalty::BatchNormL1}, 0.1) == Names{"bn1.weight"});
  CHECK(moved({.penalty = Penalty::L1}, 0).empty());

  Parameter scale = model.parameter("bn1.weight");
  scale.copy_from(Tensor::from({5}, Values{1, -1, 0.25f, 0, 0.5f}));
  Regulariser(model, {.penalty = Penalty::BatchNormL1, .strength = 0.5}).step(0.5);
  CHECK(scale.to_vector() == Values{0.75f, -0.75f, 0, 0, 0.25f});
  // 1/2 (w - v)^2 + lr strength [v != 0]: kept above sqrt(2 lr strength).
  Parameter fc = model.parameter("fc.weight");
  Values values(144, 1);
  values[0] = 0.5f, values[1] = 0.51f;
  fc.copy_from(Tensor::from(fc.shape(), values));
  Regulariser(model, {.penalty = Penalty::L0, .strength = 0.25, .only = {"fc"}}).step(0.5);
  CHECK(fc.nonzero() == 143);
  CHECK(fc.to_vector()[1] == 0.51f);
}

TEST_CASE("masked weights stay exactly zero under every penalty over 100 steps") {
  for (const Penalty kind :
       {Penalty::L0, Penalty::L1, Penalty::FilterL1, Penalty::GroupLasso, Penalty::BatchNormL1}) {
    CAPTURE(name(kind));
    const layers::Model model = small_network(2);
    const bool norm = kind == Penalty::BatchNormL1;
    Parameter weight = model.parameter(norm ? "bn1.weight" : "conv2.weight");
    const auto mask = norm ? std::vector<std::uint8_t>{1, 0, 1, 1, 0} : random_mask(135, 3);
    weight.set_mask(mask);
    optim::SGD optimizer(model, {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3});
    const Regulariser regulariser(model, {.penalty = kind, .strength = 1e-3});
    for (int t = 0; t < 100; ++t) {
      for (Parameter p : model.parameters()) set_gradient(p, random_values(p.numel(), 100 + t));
      optimizer.step();
      regulariser.step(optimizer.lr());
      REQUIRE(all_plus_zero(weight, mask));
    }
    CHECK(weight.nonzero() > 0);
  }
}

TEST_CASE("proximal operators give the same bits with one thread and with two") {
  const int before = num_threads();
  std::vector<Values> results;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    Parameter p = random_parameter({301, 500}, 4);
    group_lasso(p, 0.5);
    soft_threshold(p, 0.2);
    hard_threshold(p, 0.1);
    results.push_back(p.to_vector());
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
}

TEST_CASE("penalties are known by name, and errors say what was found") {
  for (const char* known : {"l0", "l1", "filter-l1", "group-lasso", "bn-l1"})
    CHECK(std::string(name(penalty(known))) == known);
  CHECK(error_of([] { penalty("l3"); }) ==
        "penalty: found 'l3', expected l0, l1, filter-l1, group-lasso or bn-l1");
  Parameter p = weight_of({2}, {1, 2});
  for (const auto& step : {hard_threshold, soft_threshold, group_lasso})
    for (const double bad : {-1.0, static_cast<double>(NAN)})
      CHECK(error_of([&] { step(p, bad); }).find("expected a number of 0 or more") !=
            std::string::npos);
  CHECK(p.to_vector() == Values{1, 2});
  const layers::Model plain(layers::Sequential{{"fc", layers::Linear(3, 2)}}, {3});
  CHECK(error_of([&] { Regulariser(plain, {.penalty = Penalty::BatchNormL1}); }) ==
        "penalty bn-l1: found no layer that it is meant for, expected at least one");
  CHECK(error_of([&] { Regulariser(plain, {.only = {"fc9"}}); }).find("fc9") != std::string::npos);
  CHECK(error_of([&] { Regulariser(plain, {.strength = -1}); }).find("found -1") !=
        std::string::npos);
}
