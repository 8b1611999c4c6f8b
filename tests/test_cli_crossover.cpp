// What crossover says of its measurements: where the times cross, or that they do not.
#include "examples/cli/crossover.h"

#include <doctest/doctest.h>

namespace espalier::testing {

using cli::break_even;
using cli::verdict;

TEST_CASE("crossover: between two densities, by a straight line") {
  const std::vector<cli::CrossoverPoint> points = {{0.1, 1, 0.5}, {0.3, 1, 0.75}, {0.5, 1, 1.25}};
  REQUIRE(break_even(points));
  CHECK(*break_even(points) == doctest::Approx(0.4));
  CHECK(verdict(points) == "sparse is faster below 40 % density");
  // The dense time may differ from one measurement to the next; what counts is the ratio.
  CHECK(*break_even({{0.004, 2, 1}, {0.006, 4, 6}}) == doctest::Approx(0.005));
  CHECK(verdict({{0.004, 2, 1}, {0.006, 4, 6}}) == "sparse is faster below 0.5 % density");
  CHECK(*break_even({{0.5, 1, 0.5}, {1, 1, 1}}) == 1);
}

TEST_CASE("crossover: where the times do not cross, none is made up") {
  CHECK(!break_even({{0.02, 1, 1.5}, {0.5, 1, 2}}));
  CHECK(verdict({{0.02, 1, 1.5}, {0.5, 1, 2}}) ==
        "sparse is slower already at the lowest density measured, 2 %");
  CHECK(!break_even({{0.02, 1, 0.1}, {0.3, 1, 0.5}}));
  CHECK(verdict({{0.02, 1, 0.1}, {0.3, 1, 0.5}}) ==
        "sparse is faster at every density measured, up to 30 %");
  CHECK(verdict({{0.2, 1, 0.1}}) == "sparse is faster at 20 % density");
  CHECK(verdict({{1, 1, 1.1}}) == "sparse is slower at 100 % density");
}

}  // namespace espalier::testing
