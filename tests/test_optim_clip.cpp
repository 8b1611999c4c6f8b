// Clipping gradients by their norm.
#include "optim/clip.h"
#include "tests/test_optim.h"

using namespace espalier;
using namespace espalier::testing;
using optim::clip_grad_norm;

TEST_CASE("clipping equals PyTorch's") {
  // a, b with these gradients; torch.nn.utils.clip_grad_norm_([a, b], 2.0) returns 85.0014725
  Parameter a(Tensor::zeros({3})), b(Tensor::zeros({2})), without(Tensor::zeros({5}));
  set_gradient(a, {3, -4, 12});
  set_gradient(b, {84, 0.5f});
  CHECK(clip_grad_norm({a, without, b}, 2.0) == doctest::Approx(85.0014725).epsilon(1e-7));
  CHECK(largest_difference(a.grad().to_vector(),
                           std::vector<float>{0.0705870092f, -0.0941160172f, 0.282348037f}) < 1e-7);
  CHECK(largest_difference(b.grad().to_vector(), std::vector<float>{1.97643638f, 0.0117645022f}) <
        1e-7);
  CHECK_FALSE(without.grad().defined());
}

TEST_CASE("gradients within the norm stay as they are, bit for bit") {
  Parameter p(Tensor::zeros({2}));
  set_gradient(p, {3, 4});
  CHECK(clip_grad_norm({p}, 5.1) == 5);
  CHECK(optim::grad_norm({p}) == 5);
  CHECK(p.grad().to_vector() == std::vector<float>{3, 4});
}

TEST_CASE("the small number in the denominator is PyTorch's") {
  Parameter p(Tensor::zeros({1}));
  set_gradient(p, {3e-6f});
  clip_grad_norm({p}, 1e-6);  // 3e-6 * 1e-6 / (3e-6 + 1e-6)
  CHECK(p.grad().item() == doctest::Approx(0.75e-6).epsilon(1e-5).scale(0));
}

TEST_CASE("tied weights count and are scaled once") {
  Parameter p(Tensor::zeros({2}));
  set_gradient(p, {3, 4});
  CHECK(clip_grad_norm({p, p}, 1) == 5);
  CHECK(largest_difference(p.grad().to_vector(), std::vector<float>{0.6f, 0.8f}) < 1e-6);
}

TEST_CASE("only what the next step uses counts") {
  Parameter masked(Tensor::zeros({3})), stale(Tensor::zeros({1}));
  masked.set_mask(std::vector<std::uint8_t>{1, 0, 1});
  masked.set_dense_gradient(true);
  set_gradient(masked, {3, 1000, 4});
  set_gradient(stale, {1000});
  stale.retire_grad();
  CHECK(clip_grad_norm({masked, stale}, 1) == 5);
  CHECK(stale.grad().item() == 1000);
  CHECK(clip_grad_norm({stale}, 1) == 0);
}

TEST_CASE("the sum of many squares keeps its digits") {
  // One square of 2^22 and 2^22 squares of 2^-22: each of the small ones would vanish in a float
  // sum.
  const std::int64_t count = (std::int64_t{1} << 22) + 1;
  Parameter p(Tensor::zeros({count}));
  std::vector<float> g(static_cast<std::size_t>(count), std::ldexp(1.0f, -11));
  g[0] = std::ldexp(1.0f, 11);
  set_gradient(p, g);
  CHECK(optim::grad_norm({p}) == std::sqrt(std::ldexp(1.0, 22) + 1));
}

TEST_CASE("a norm that is not finite is returned, and the gradients stay") {
  for (const float bad : {NAN, INFINITY}) {
    Parameter a(Tensor::zeros({2})), b(Tensor::zeros({1}));
    set_gradient(a, {100, bad});
    set_gradient(b, {7});
    CHECK_FALSE(std::isfinite(clip_grad_norm({a, b}, 1)));
    CHECK(a.grad().to_vector()[0] == 100);
    CHECK(b.grad().item() == 7);
  }
}

TEST_CASE("clipping refuses a norm that makes no sense") {
  Parameter p(Tensor::zeros({2}));
  CHECK(error_of([&] { clip_grad_norm({p}, 0); }) ==
        "clip_grad_norm: max_norm: found 0, expected a number above 0");
  CHECK(error_of([&] { clip_grad_norm({p}, NAN); }) ==
        "clip_grad_norm: max_norm: found nan, expected a number above 0");
}
