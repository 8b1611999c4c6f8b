// SGD: against PyTorch's numbers and against a plain loop in double precision.
#include "optim/sgd.h"
#include "tests/test_optim.h"

using namespace espalier;
using namespace espalier::testing;
using optim::SGD;
using optim::SGDOptions;

TEST_CASE("sgd takes PyTorch's steps") {
  SUBCASE("torch.optim.SGD(p, lr=0.1)") {
    check_against_pytorch<SGD>(SGDOptions{.lr = 0.1},
                               {{-0.1875f, 0.0250000004f, 0.237499997f, 0.449999988f},
                                {-0.212500006f, -0.0375000015f, 0.275000006f, 0.449999988f},
                                {-0.262500018f, 0.0249999985f, 0.3125f, 0.462500036f}});
  }
  SUBCASE("torch.optim.SGD(p, lr=0.1, weight_decay=0.01)") {
    check_against_pytorch<SGD>(SGDOptions{.lr = 0.1, .weight_decay = 0.01},
                               {{-0.187250003f, 0.0250000004f, 0.23725f, 0.449499995f},
                                {-0.212062761f, -0.0375249982f, 0.274512738f, 0.449050486f},
                                {-0.260160148f, 0.0252990723f, 0.309936106f, 0.457621545f}});
  }
  SUBCASE("torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)") {
    check_against_pytorch<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01},
                               {{-0.187250003f, 0.0250000004f, 0.23725f, 0.449499995f},
                                {-0.155587763f, -0.0150249992f, 0.263037741f, 0.403600484f},
                                {-0.192470953f, -0.170525089f, 0.374066234f, 0.410816342f}});
  }
  SUBCASE("torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3)") {
    check_against_pytorch<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.3},
                               {{-0.1875f, 0.0250000004f, 0.237499997f, 0.449999988f},
                                {-0.148750007f, 0.00374999945f, 0.252499998f, 0.405000001f},
                                {-0.0923198834f, -0.0724533573f, 0.319453478f, 0.352255672f}});
  }
  SUBCASE("torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)") {
    check_against_pytorch<SGD>(
        SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4},
        {{-0.131226256f, 0.0474999994f, 0.226226255f, 0.404952496f},
         {-0.128078669f, -0.0510045104f, 0.28731963f, 0.364393771f},
         {-0.21642229f, -0.130741552f, 0.432611912f, 0.397154063f}});
  }
}

TEST_CASE("sgd equals a plain loop in double precision, with and without a mask") {
  const std::int64_t count = 1003;  // no multiple of a vector's width
  const SGDOptions all[] = {
      {.lr = 0.05},
      {.lr = 0.05, .weight_decay = 0.1},
      {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1},
      {.lr = 0.05, .momentum = 0.8, .dampening = 0.5, .weight_decay = 0.1},
      {.lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1},
  };
  for (const SGDOptions& o : all)
    for (const bool masked : {false, true}) {
      CAPTURE(o.momentum);
      CAPTURE(masked);
      Parameter p = random_parameter({17, 59}, 1);
      const auto mask = random_mask(count, 2);
      if (masked) p.set_mask(mask);
      const auto start = p.to_vector();
      std::vector<double> w(start.begin(), start.end()), m(w.size(), 0.0);

      SGD optimizer(std::vector<Parameter>{p}, o);
      for (int t = 0; t < 10; ++t) {
        const auto g = random_values(count, 100 + t);
        set_gradient(p, g);
        optimizer.step();
        for (std::size_t i = 0; i < w.size(); ++i) {
          if (masked && !mask[i]) continue;
          double d = g[i] + o.weight_decay * w[i];
          if (o.momentum > 0) {
            m[i] = t == 0 ? d : o.momentum * m[i] + (1 - o.dampening) * d;
            d = o.nesterov ? d + o.momentum * m[i] : m[i];
          }
          w[i] -= o.lr * d;
        }
        CHECK(largest_difference(p.to_vector(), w) < 1e-6);
        if (o.momentum > 0)
          CHECK(largest_difference(p.state("momentum").to_vector(), m) < 1e-6);
        else
          CHECK(p.states().empty());
      }
    }
}

TEST_CASE("sgd takes the momentum that a schedule sets") {
  Parameter p = small_weight(), q = small_weight();
  SGD changed(std::vector<Parameter>{p}, {.lr = 0.1, .momentum = 0.5, .nesterov = true});
  SGD given(std::vector<Parameter>{q}, {.lr = 0.1, .momentum = 0.8, .nesterov = true});
  changed.set_momentum(0.8);
  CHECK(changed.momentum() == 0.8);
  for (int t = 0; t < 3; ++t) {
    const auto g = random_values(static_cast<std::size_t>(p.numel()), t);
    set_gradient(p, g);
    set_gradient(q, g);
    changed.step();
    given.step();
  }
  CHECK(p.to_vector() == q.to_vector());
  CHECK(error_of([&] { changed.set_momentum(1); }) ==
        "SGD: momentum: found 1, expected a number in [0, 1)");
  CHECK(error_of([&] { changed.set_momentum(0); }) ==
        "SGD: momentum: found 0, expected a number above 0 with nesterov");
}

TEST_CASE("sgd refuses options that make no sense") {
  Parameter p = small_weight();
  const auto refused = [&](const SGDOptions& options) {
    return error_of([&] { SGD(std::vector<Parameter>{p}, options); });
  };
  CHECK(refused({.lr = -0.1}) == "SGD: lr: found -0.1, expected a finite number of at least 0");
  CHECK(refused({.lr = NAN}) == "SGD: lr: found nan, expected a finite number of at least 0");
  CHECK(refused({.lr = INFINITY}) == "SGD: lr: found inf, expected a finite number of at least 0");
  CHECK(refused({.momentum = 1}) == "SGD: momentum: found 1, expected a number in [0, 1)");
  CHECK(refused({.momentum = -0.5}) == "SGD: momentum: found -0.5, expected a number in [0, 1)");
  CHECK(refused({.momentum = NAN}) == "SGD: momentum: found nan, expected a number in [0, 1)");
  CHECK(refused({.momentum = 0.9, .dampening = 2}) ==
        "SGD: dampening: found 2, expected a number in [0, 1]");
  CHECK(refused({.weight_decay = -1}) ==
        "SGD: weight_decay: found -1, expected a finite number of at least 0");
  CHECK(refused({.nesterov = true}) ==
        "SGD: momentum: found 0, expected a number above 0 with nesterov");
  CHECK(refused({.momentum = 0.9, .dampening = 0.5, .nesterov = true}) ==
        "SGD: dampening: found 0.5, expected 0 with nesterov");
  CHECK(refused({.lr = 0}) == "no error");
}
