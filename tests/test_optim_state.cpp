// State: it belongs to the parameter, and follows it through a change of shape and into a file.
#include <map>

#include "tests/test_optim.h"
#include "tests/test_optim_kinds.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// Rows of a matrix: what a compaction does to a parameter and its state.
std::vector<float> rows(const Tensor& matrix, const std::vector<int>& kept) {
  const auto values = matrix.to_vector();
  const std::int64_t width = matrix.size(1);
  std::vector<float> result;
  for (const int row : kept)
    result.insert(result.end(), values.begin() + row * width, values.begin() + (row + 1) * width);
  return result;
}

}  // namespace

TEST_CASE("state follows the parameter through a change of shape in the middle of training") {
  const std::vector<int> kept = {0, 2, 3, 6};
  std::vector<std::uint8_t> mask(7 * 5, 0), small_mask(4 * 5, 1);
  for (const int row : kept) std::fill_n(mask.begin() + row * 5, 5, 1);
  mask[3] = small_mask[3] = 0;  // and one weight removed by itself
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(kind.name);
    Parameter whole = random_parameter({7, 5}, 1);  // rows removed by a mask
    Parameter small = random_parameter({7, 5}, 1);  // rows taken out in the middle
    const auto a = kind.make({whole}), b = kind.make({small});
    whole.set_mask(mask);
    small.set_mask(mask);
    for (int t = 0; t < 10; ++t) {
      const Tensor g = Tensor::from({7, 5}, random_values(35, 50 + t));
      set_gradient(whole, g.to_vector());
      a->step();
      set_gradient(small, t < 5 ? g.to_vector() : rows(g, kept));
      b->step();
      if (t == 4) {
        std::map<std::string, Tensor> states;
        for (const auto& [key, state] : small.states())
          states[key] = Tensor::from({4, 5}, rows(state, kept));
        small.assign(Tensor::from({4, 5}, rows(small, kept)), small_mask, states);
        b->step();  // no gradient since: nothing moves
        b->set_steps(5);
      }
      if (t < 4) continue;
      CHECK(largest_difference(small.to_vector(), rows(whole, kept)) < 1e-6);
      for (const char* key : kind.states)
        CHECK(largest_difference(small.state(key).to_vector(), rows(whole.state(key), kept)) <
              1e-6);
    }
  }
}

TEST_CASE("a new optimiser goes on where the last one stood, bit for bit") {
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(kind.name);
    Parameter whole = random_parameter({300}, 1), first = random_parameter({300}, 1);
    const auto a = kind.make({whole});
    auto b = kind.make({first});
    for (int t = 0; t < 10; ++t) {
      if (t == 5) {  // saved and loaded: another parameter with copies of value and state
        Parameter second(first.clone(), "second");
        for (const auto& [key, state] : first.states()) second.state(key).copy_from(state);
        const std::int64_t steps = b->steps();
        first = second;
        b = kind.make({first});
        b->set_steps(steps);
      }
      const auto g = random_values(300, 70 + t);
      set_gradient(whole, g);
      set_gradient(first, g);
      a->step();
      b->step();
    }
    CHECK(b->steps() == 10);
    CHECK(first.to_vector() == whole.to_vector());
  }
}

TEST_CASE("a state of another shape is an error, not an over-read") {
  Parameter p = random_parameter({8}, 1, "fc.weight");
  optim::SGD optimizer(std::vector<Parameter>{p}, {.lr = 0.1, .momentum = 0.9});
  p.states()["momentum"] = Tensor::zeros({2, 2});
  set_gradient(p, random_values(8, 2));
  CHECK(error_of([&] { optimizer.step(); }) ==
        "state momentum of fc.weight: found shape [2, 2], expected [8]");
}
