// The step around the formulas: which gradients it uses, which parameters it moves, with how many
// threads and how much memory.
#include "core/memory.h"
#include "optim/clip.h"
#include "optim/ema.h"
#include "tests/test_optim.h"
#include "tests/test_optim_kinds.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

struct Model {
  std::vector<Parameter> list;
  std::vector<Parameter> parameters() const { return list; }
};

}  // namespace

TEST_CASE("a gradient is used once and stays readable") {
  Parameter used = random_parameter({3}, 1), unused = random_parameter({3}, 2);
  const auto before = unused.to_vector();
  optim::SGD optimizer(std::vector<Parameter>{used, unused},
                       {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
  set_gradient(used, {1, 2, 3});
  optimizer.step();
  CHECK(used.grad().to_vector() == std::vector<float>{1, 2, 3});
  CHECK(unused.to_vector() == before);  // no gradient: not even weight decay
  CHECK(unused.states().empty());

  const auto after = used.to_vector();
  optimizer.step();  // no backward pass since
  CHECK(used.to_vector() == after);
  CHECK(optimizer.steps() == 2);

  set_gradient(used, {1, 1, 1});  // begins anew instead of adding
  CHECK(used.grad().to_vector() == std::vector<float>{1, 1, 1});
  optimizer.zero_grad();
  CHECK_FALSE(used.grad().defined());
  optimizer.step();
  CHECK(used.to_vector() == after);
}

TEST_CASE("backward passes between two steps add up") {
  Parameter p(Tensor::full({1}, 2));
  optim::SGD optimizer(std::vector<Parameter>{p}, {.lr = 0.25});
  p.backward();  // the gradient of an element by itself is 1
  p.backward();
  optimizer.step();
  CHECK(p.item() == 1.5f);
  p.backward();
  optimizer.step();
  CHECK(p.item() == 1.25f);
}

TEST_CASE("tied weights are moved once") {
  Parameter p(Tensor::full({1}, 1));
  const Parameter same_again = p;
  optim::SGD optimizer(std::vector<Parameter>{p, same_again}, {.lr = 0.5});
  CHECK(optimizer.parameters().size() == 1);
  p.backward();
  optimizer.step();
  CHECK(p.item() == 0.5f);
}

TEST_CASE("an optimiser takes a model or a list, and refuses nothing at all") {
  const Model model{{random_parameter({3}, 1), random_parameter({4}, 2)}};
  const optim::SGD sgd(model, {.lr = 0.1f, .momentum = 0.9f, .nesterov = true});
  const optim::Adam adam(model);
  const optim::AdamW adamw(model, {.lr = 0.5});
  CHECK(sgd.parameters().size() == 2);
  CHECK(adam.lr() == 1e-3);
  CHECK(adamw.lr() == 0.5);
  CHECK(error_of([] { optim::SGD(Model{}, {.lr = 0.1}); }) ==
        "SGD: found no parameters, expected at least one");
  CHECK(error_of([] { optim::Adam(std::vector<Parameter>(1)); }) ==
        "Adam: found an empty handle as parameter 0, expected a parameter");
}

TEST_CASE("rate and steps can be set, but not to nonsense") {
  Parameter p(Tensor::full({1}, 1));
  optim::SGD optimizer(std::vector<Parameter>{p}, {.lr = 0.1});
  optimizer.set_lr(0.5);
  p.backward();
  optimizer.step();
  CHECK(p.item() == 0.5f);
  CHECK(error_of([&] { optimizer.set_lr(NAN); }) ==
        "SGD: lr: found nan, expected a finite number of at least 0");
  CHECK(optimizer.lr() == 0.5);
  CHECK(error_of([&] { optimizer.set_steps(-1); }) == "SGD: found -1 steps, expected at least 0");
  CHECK(optimizer.steps() == 1);
}

TEST_CASE("the same bits with one and two threads, and no memory once warm") {
  const int threads_before = num_threads();
  const std::int64_t count = 3 * optim::kGrain + 1234;
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(kind.name);
    std::vector<std::vector<float>> results;
    std::vector<double> norms;
    for (const int threads : {1, 2}) {
      set_num_threads(threads);
      Parameter p = random_parameter({count}, 1);
      p.set_mask(random_mask(count, 2));
      const auto optimizer = kind.make({p});
      const std::vector<Parameter> list = {p};
      optim::Ema ema(list, 0.9);
      const auto g = random_values(count, 3);
      double norm = 0;
      std::uint64_t requests = 0;
      for (int t = 0; t < 6; ++t) {
        if (t == 2) requests = memory_statistics().system_requests;
        set_gradient(p, g);
        norm = optim::clip_grad_norm(list, 10);
        optimizer->step();
        ema.update();
      }
      CHECK(memory_statistics().system_requests == requests);
      norms.push_back(norm);
      results.push_back(p.to_vector());
      const auto average = p.state("ema").to_vector();
      results.back().insert(results.back().end(), average.begin(), average.end());
    }
    CHECK(norms[0] == norms[1]);
    CHECK(results[0] == results[1]);
  }
  set_num_threads(threads_before);
}
