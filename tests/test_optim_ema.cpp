// The moving average of the weights.
#include "optim/ema.h"
#include "tests/test_optim.h"

using namespace espalier;
using namespace espalier::testing;
using optim::Ema;

namespace {

void set_values(Parameter& parameter, const std::vector<float>& values) {
  std::copy(values.begin(), values.end(), parameter.mutable_data());
  parameter.enforce_mask();
}

}  // namespace

TEST_CASE("ema equals a plain loop in double precision, from the first weights on") {
  Parameter p = random_parameter({501}, 1);
  Ema ema(std::vector<Parameter>{p}, 0.9);
  std::vector<double> expected;
  for (int t = 0; t < 10; ++t) {
    const auto w = random_values(501, 10 + t);
    set_values(p, w);
    ema.update();
    if (t == 0) expected.assign(w.begin(), w.end());
    for (std::size_t i = 0; i < w.size(); ++i) expected[i] = 0.9 * expected[i] + (1 - 0.9) * w[i];
    CHECK(largest_difference(p.state("ema").to_vector(), expected) < 1e-6);
    CHECK(p.to_vector() == w);
  }
}

TEST_CASE("ema: averages far from the weights lose no digits, whatever the decay") {
  for (const double decay : {0.0, 1e-6, 0.3, 0.5, 0.9, 0.999, 0.99999}) {
    CAPTURE(decay);
    const auto small = random_values(501, 2);
    Parameter p(Tensor::full({501}, 1e7f));
    Ema ema(std::vector<Parameter>{p}, decay);
    ema.update();
    set_values(p, small);
    std::vector<double> expected(small.size(), 1e7);
    for (int t = 0; t < 20; ++t) {
      ema.update();
      for (std::size_t i = 0; i < small.size(); ++i)
        expected[i] = decay * expected[i] + (1 - decay) * small[i];
      const auto found = p.state("ema").to_vector();
      for (std::size_t i = 0; i < small.size(); ++i)
        REQUIRE(std::abs(found[i] - expected[i]) <=
                2e-6 * (std::abs(expected[i]) + std::abs(double{small[i]})));
    }
  }
}

TEST_CASE("ema: the average of weights that stay is these weights") {
  for (const double decay : {0.1, 0.9, 0.999, 0.9999, 0.99999}) {
    const auto w = random_values(501, 2);
    Parameter p(Tensor::from({501}, w));
    Ema ema(std::vector<Parameter>{p}, decay);
    for (int t = 0; t < 5000; ++t) ema.update();
    CHECK(largest_difference(p.state("ema").to_vector(), w) < 3e-7);
  }
}

TEST_CASE("swapping shows the averages and gives the weights back bit for bit") {
  Parameter p(Tensor::full({3}, 1));
  Ema ema(std::vector<Parameter>{p}, 0.5);
  ema.update();
  set_values(p, {2, 3, 4});
  ema.update();
  const auto version = p.version();
  ema.swap();
  CHECK(ema.swapped());
  CHECK(p.to_vector() == std::vector<float>{1.5f, 2, 2.5f});
  CHECK(p.version() > version);  // whoever keeps something derived from the weights is told
  CHECK(error_of([&] { ema.update(); }) ==
        "Ema: found averages in the weights' place, expected swap() before update()");
  ema.swap();
  CHECK_FALSE(ema.swapped());
  CHECK(p.to_vector() == std::vector<float>{2, 3, 4});
}

TEST_CASE("swapping before the first update changes nothing") {
  Parameter p = random_parameter({3}, 1);
  const auto before = p.to_vector();
  Ema ema(std::vector<Parameter>{p}, 0.5);
  ema.swap();
  CHECK(p.to_vector() == before);
}

TEST_CASE("masked elements are zero in the average too") {
  const auto mask = random_mask(501, 2);
  Parameter p = random_parameter({501}, 1);
  Ema ema(std::vector<Parameter>{p}, 0.9);
  ema.update();
  p.set_mask(mask);
  const auto zeros = [&](const Tensor& tensor) {
    const auto values = tensor.to_vector();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!mask[i] && values[i] != 0) return false;
    return true;
  };
  for (int t = 0; t < 100; ++t) {
    // A writer that forgets the mask does not reach the average.
    const auto w = random_values(501, 10 + t);
    std::copy(w.begin(), w.end(), p.mutable_data());
    ema.update();
    REQUIRE(zeros(p.state("ema")));
  }
  for (int i = 0; i < 2; ++i) {
    ema.swap();
    CHECK(zeros(p));
    CHECK(zeros(p.state("ema")));
  }
}

TEST_CASE("a new ema goes on with the averages, in another shape too") {
  Parameter p(Tensor::from({4}, std::vector<float>{1, 2, 3, 4}));
  Ema(std::vector<Parameter>{p}, 0.5).update();
  p.assign(Tensor::from({2}, std::vector<float>{5, 6}), {},
           {{"ema", Tensor::from({2}, std::vector<float>{1, 3})}});
  Ema ema(std::vector<Parameter>{p}, 0.5);
  ema.update();
  CHECK(p.state("ema").to_vector() == std::vector<float>{3, 4.5f});
}

TEST_CASE("ema refuses what makes no sense") {
  Parameter p(Tensor::zeros({2}));
  CHECK(error_of([&] { Ema(std::vector<Parameter>{p}, 1); }) ==
        "Ema: decay: found 1, expected a number in [0, 1)");
  CHECK(error_of([&] { Ema(std::vector<Parameter>{p}, NAN); }) ==
        "Ema: decay: found nan, expected a number in [0, 1)");
  CHECK(error_of([] { Ema(std::vector<Parameter>{}, 0.9); }) ==
        "Ema: found no parameters, expected at least one");
}
