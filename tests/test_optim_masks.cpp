// Masks: what is removed stays exactly zero, in value and state, whatever the optimiser.
#include "tests/test_optim.h"
#include "tests/test_optim_kinds.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// Elements that the mask removes and that are not exactly +0.
int revived(const Tensor& tensor, const std::vector<std::uint8_t>& mask) {
  const auto values = tensor.to_vector();
  int count = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    count += !mask[i] && (values[i] != 0 || std::signbit(values[i]));
  return count;
}

}  // namespace

TEST_CASE("masked elements stay exactly zero over 100 steps of each optimiser") {
  const std::int64_t count = 777;
  const auto mask = random_mask(count, 3);
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(kind.name);
    Parameter masked = random_parameter({7, 111}, 1);
    Parameter free = random_parameter({7, 111}, 1);
    const auto a = kind.make({masked}), b = kind.make({free});
    const auto step = [&](int t) {
      auto g = random_values(count, 1000 + t);
      set_gradient(free, g);
      b->step();
      // Whatever stands in the gradient where the mask removes must not come through.
      for (std::size_t i = 0; masked.mask() && i < g.size(); i += 3)
        if (!mask[i]) g[i] = i % 2 ? NAN : INFINITY;
      set_gradient(masked, g);
      a->step();
    };
    for (int t = 0; t < 5; ++t) step(t);  // the state is non-zero when the mask comes
    for (const char* key : kind.states) REQUIRE(revived(masked.state(key), mask) > 0);
    masked.set_mask(mask);
    masked.set_dense_gradient(true);
    for (int t = 5; t < 105; ++t) {
      step(t);
      REQUIRE(revived(masked, mask) == 0);
      for (const char* key : kind.states) REQUIRE(revived(masked.state(key), mask) == 0);
    }
    CHECK(masked.states().size() == kind.states.size());
    // What is kept goes where it would have gone without a mask.
    auto expected = free.to_vector();
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (!mask[i]) expected[i] = 0;
    CHECK(largest_difference(masked.to_vector(), expected) < 1e-5);
  }
}

TEST_CASE("what a mask gives back trains again, from zero") {
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(kind.name);
    Parameter p = random_parameter({8}, 1);
    const auto optimizer = kind.make({p});
    p.set_mask(std::vector<std::uint8_t>{1, 0, 1, 0, 1, 0, 1, 0});
    set_gradient(p, random_values(8, 2));
    optimizer->step();
    CHECK(p.nonzero() == 4);
    p.set_mask(std::vector<std::uint8_t>{1, 1, 1, 0, 1, 0, 1, 0});
    set_gradient(p, random_values(8, 3));
    optimizer->step();
    CHECK(p.nonzero() == 5);
    p.clear_mask();
    set_gradient(p, random_values(8, 4));
    optimizer->step();
    CHECK(p.nonzero() == 8);
  }
}
