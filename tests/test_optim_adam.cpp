// Adam and AdamW: against PyTorch's numbers and against a plain loop in double precision.
#include "optim/adam.h"
#include "tests/test_optim.h"

using namespace espalier;
using namespace espalier::testing;
using optim::Adam;
using optim::AdamOptions;
using optim::AdamW;
using optim::AdamWOptions;

TEST_CASE("adam takes PyTorch's steps") {
  SUBCASE("torch.optim.Adam(p, lr=0.01)") {
    check_against_pytorch<Adam>(AdamOptions{.lr = 0.01},
                                {{-0.239999995f, 0.00999999978f, 0.24000001f, 0.49000001f},
                                 {-0.236543939f, 0.0055778469f, 0.244941905f, 0.483299434f},
                                 {-0.236479566f, -0.00569600426f, 0.248118773f, 0.484443307f}});
  }
  SUBCASE("torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)") {
    check_against_pytorch<Adam>(
        AdamOptions{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1},
        {{-0.240015358f, 0.00996016059f, 0.24006623f, 0.490018159f},
         {-0.23665905f, 0.00501426868f, 0.244795144f, 0.483060926f},
         {-0.235594437f, -0.00361295883f, 0.244637728f, 0.477073938f}});
  }
  SUBCASE("torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)") {
    check_against_pytorch<AdamW>(AdamWOptions{.lr = 0.01, .weight_decay = 0.1},
                                 {{-0.239749998f, 0.00999999978f, 0.239749998f, 0.489500016f},
                                  {-0.236054197f, 0.00556784729f, 0.244452149f, 0.482309937f},
                                  {-0.234124213f, -0.0056855157f, 0.2456972f, 0.479603767f}});
  }
}

namespace {

// Ten steps beside a plain loop; `decoupled` tells AdamW from Adam.
template <class Optimizer, class Options>
void check_against_plain_loop(const Options& o, bool decoupled, bool masked) {
  const std::int64_t count = 1003;  // no multiple of a vector's width
  Parameter p = random_parameter({17, 59}, 1);
  const auto mask = random_mask(count, 2);
  if (masked) p.set_mask(mask);
  const auto start = p.to_vector();
  std::vector<double> w(start.begin(), start.end()), m(w.size(), 0.0), v(w.size(), 0.0);

  Optimizer optimizer(std::vector<Parameter>{p}, o);
  for (int t = 1; t <= 10; ++t) {
    const auto g = random_values(count, 100 + t);
    set_gradient(p, g);
    optimizer.step();
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (masked && !mask[i]) continue;
      double d = g[i];
      if (decoupled)
        w[i] *= 1 - o.lr * o.weight_decay;
      else
        d += o.weight_decay * w[i];
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * d;
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * d * d;
      const double mean = m[i] / (1 - std::pow(o.beta1, t));
      const double square = v[i] / (1 - std::pow(o.beta2, t));
      w[i] -= o.lr * mean / (std::sqrt(square) + o.eps);
    }
    CHECK(largest_difference(p.to_vector(), w) < 1e-6);
    CHECK(largest_difference(p.state("exp_avg").to_vector(), m) < 1e-6);
    CHECK(largest_difference(p.state("exp_avg_sq").to_vector(), v) < 1e-6);
  }
}

}  // namespace

TEST_CASE("adam and adamw equal a plain loop in double precision, with and without a mask") {
  for (const bool masked : {false, true}) {
    CAPTURE(masked);
    check_against_plain_loop<Adam>(AdamOptions{.lr = 0.01}, false, masked);
    check_against_plain_loop<Adam>(
        AdamOptions{.lr = 0.01, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1},
        false, masked);
    check_against_plain_loop<AdamW>(AdamWOptions{.lr = 0.01, .weight_decay = 0.3}, true, masked);
  }
}

TEST_CASE("adam: moments of gradients that stay, in double precision") {
  const auto g = random_values(53, 3);
  for (const double beta : {0.0, 0.4, 0.9, 0.999, 0.9999, 0.99999}) {
    CAPTURE(beta);
    Parameter p = random_parameter({53}, 1);
    Adam adam(std::vector<Parameter>{p}, {.lr = 1e-3, .beta1 = beta, .beta2 = beta});
    for (int t = 0; t < 2000; ++t) {
      set_gradient(p, g);
      adam.step();
    }
    const double left = 1 - std::pow(beta, 2000);
    const auto mean = p.state("exp_avg").to_vector(), square = p.state("exp_avg_sq").to_vector();
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double d = g[i];
      CHECK(std::abs(mean[i] - left * d) <= 4e-6 * std::abs(left * d));
      CHECK(std::abs(square[i] - left * d * d) <= 4e-6 * left * d * d);
    }
  }
}

TEST_CASE("adam and adamw refuse options that make no sense") {
  Parameter p = small_weight();
  const auto refused = [&](const AdamOptions& options) {
    return error_of([&] { Adam(std::vector<Parameter>{p}, options); });
  };
  CHECK(refused({.lr = -1}) == "Adam: lr: found -1, expected a finite number of at least 0");
  CHECK(refused({.beta1 = 1}) == "Adam: beta1: found 1, expected a number in [0, 1)");
  CHECK(refused({.beta2 = -0.1}) == "Adam: beta2: found -0.1, expected a number in [0, 1)");
  CHECK(refused({.eps = NAN}) == "Adam: eps: found nan, expected a finite number of at least 0");
  CHECK(refused({.weight_decay = -1}) ==
        "Adam: weight_decay: found -1, expected a finite number of at least 0");
  CHECK(error_of([&] { AdamW(std::vector<Parameter>{p}, {.beta2 = 2}); }) ==
        "AdamW: beta2: found 2, expected a number in [0, 1)");
}
