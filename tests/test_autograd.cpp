// The tape: what is recorded, in which order it is walked back, and what becomes of gradients.
#include <doctest/doctest.h>

#include <thread>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::poison_free_memory;
using testing::random_tensor;

Tensor leaf(float value) {
  Tensor x = Tensor::scalar(value);
  return x.set_requires_grad();
}

TEST_CASE("autograd: gradients are added up over uses and over passes") {
  Tensor x = leaf(3);
  (x * x + 2 * x).backward();
  CHECK(x.grad().item() == 8);
  (x * x).backward();
  CHECK(x.grad().item() == 14);
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
  (5 * x).backward();
  CHECK(x.grad().item() == 5);
}

TEST_CASE("autograd: a retired gradient stays readable until the next one takes its place") {
  Tensor x = leaf(3);
  (2 * x).backward();
  x.retire_grad();
  CHECK(x.grad().item() == 2);
  (x * x).backward();
  CHECK(x.grad().item() == 6);
  (x * x).backward();  // not retired again
  CHECK(x.grad().item() == 12);
  x.retire_grad();
  x.zero_grad();
  (4 * x).backward();
  CHECK(x.grad().item() == 4);
}

TEST_CASE("autograd: diamonds pass each gradient on once it is complete") {
  Tensor x = leaf(2);
  const Tensor a = x * x, b = 3 * a, c = a * a;
  (b * c).backward();  // 3 x^6
  CHECK(x.grad().item() == 18 * 32);
  // 2^60 paths, but 60 nodes.
  x.zero_grad();
  Tensor y = x;
  for (int i = 0; i < 60; ++i) y = y + y;
  y.backward();
  CHECK(x.grad().item() == 0x1p60f);
}

TEST_CASE("autograd: long and short ways from a leaf to the loss") {
  Tensor x = leaf(1);
  Tensor far = x;
  for (int i = 0; i < 10; ++i) far = far * 2;
  (x * far).backward();  // the leaf is met first at the end of the tape, and last at its start
  CHECK(x.grad().item() == 2048);
}

TEST_CASE("autograd: what no gradient reaches has none") {
  Tensor x = leaf(1), y = leaf(2), frozen = Tensor::scalar(3);
  const Tensor unused = y * y;
  (x * frozen).backward();
  CHECK(x.grad().item() == 3);
  CHECK_FALSE(y.grad().defined());
  CHECK_FALSE(frozen.grad().defined());
  CHECK_FALSE((frozen * frozen).requires_grad());
  unused.backward();
  CHECK(y.grad().item() == 4);
}

TEST_CASE("autograd: nothing is recorded where that is switched off, on this thread only") {
  Tensor x = leaf(1);
  CHECK(grad_enabled());
  {
    NoGrad off;
    {
      NoGrad nested;
      CHECK_FALSE(grad_enabled());
    }
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE((2 * x).requires_grad());
    bool elsewhere = false;
    std::thread([&] { elsewhere = grad_enabled(); }).join();
    CHECK(elsewhere);
  }
  CHECK(grad_enabled());
  CHECK((2 * x).requires_grad());
  CHECK_FALSE((2 * x.detach()).requires_grad());
}

TEST_CASE("autograd: a second pass over the same tape is an error that says so") {
  Tensor x = leaf(1);
  const Tensor trunk = x * x, first = exp(trunk), second = trunk * 3;
  first.backward();
  const float gradient = x.grad().item();
  CHECK_THROWS_WITH_AS(first.backward(),
                       "backward: found a tape that an earlier backward pass has used up at exp, "
                       "expected a fresh forward pass",
                       Error);
  CHECK_THROWS_WITH_AS(second.backward(), doctest::Contains("used up at mul"), Error);
  CHECK(x.grad().item() == gradient);  // nothing was added on the way to the error
  (x * 2).backward();
  CHECK(x.grad().item() == gradient + 2);
}

TEST_CASE("autograd: only a tensor of one element that leads somewhere goes back") {
  Tensor x = Tensor::zeros({2});
  x.set_requires_grad();
  CHECK_THROWS_WITH_AS(
      x.backward(), "backward: found a tensor of shape [2], expected one element (a loss)", Error);
  CHECK_THROWS_AS(Tensor().backward(), Error);
  CHECK_THROWS_WITH_AS(Tensor::scalar(1).backward(),
                       "backward: nothing that led to this tensor requires a gradient", Error);
  Tensor single = leaf(5);
  single.backward();
  single.backward();
  CHECK(single.grad().item() == 2);
}

TEST_CASE("autograd: a loss in lanes goes back too") {
  for (const int lanes : {1, simd_lanes()}) {
    Tensor x = Tensor::empty({1, 1}, {.lanes = lanes});
    std::fill_n(x.mutable_data(), x.storage_size(), 2.0f);  // padding lanes too
    x.set_requires_grad();
    Tensor w = Tensor::full({1, 1}, 3);
    w.set_requires_grad();
    poison_free_memory();
    linear(x, w).backward();
    CHECK(w.grad().item() == 2);
    CHECK(x.grad().item() == 3);
    poison_free_memory();
    x.zero_grad();
    x.backward();
    x.backward();
    CHECK(x.grad().layout() == x.layout());
    CHECK(x.grad().data()[0] == 2);
    for (std::int64_t i = 1; i < x.storage_size(); ++i) CHECK(x.grad().data()[i] == 0);
  }
}

TEST_CASE("autograd: a very long chain needs no stack, whether it is walked back or dropped") {
  constexpr int kNodes = 100'000;
  Tensor x = leaf(1);
  for (const bool walked : {true, false}) {
    x.zero_grad();
    Tensor y = x;
    for (int i = 0; i < kNodes; ++i) y = shift(y, 0);
    if (walked) y.backward();
    CHECK(x.grad().defined() == walked);
  }
}

TEST_CASE("autograd: a pass lets go of everything behind the loss") {
  Tensor x = random_tensor({64, 64}, 1);
  x.set_requires_grad();
  const auto before = memory_statistics().live;
  const Tensor loss = sum(exp(x) * x);
  const auto recorded = memory_statistics().live;
  loss.backward();
  x.zero_grad();
  const auto after = memory_statistics().live;
  CHECK(recorded > before + 2 * 64 * 64 * sizeof(float));
  CHECK(after < before + 64 * 64 * sizeof(float));
}

TEST_CASE("autograd: a tape begun on one thread goes on on another") {
  Tensor x = leaf(3), y;
  for (int i = 0; i < 5; ++i) exp(x);  // this thread has recorded more than the other one will
  const Tensor square = x * x;
  std::thread([&] {
    const Tensor cube = square * x;
    y = cube + square;
  }).join();
  y.backward();
  CHECK(x.grad().item() == 33);
}

TEST_CASE("autograd: an operation has a limited number of inputs") {
  const Tensor x = leaf(1);
  CHECK_THROWS_WITH_AS(record(Op::Add, Tensor::scalar(0), {x, x, x, x, x, x}, [](const Tensor&) {}),
                       "add: found 6 inputs, expected at most 5", Error);
}

TEST_CASE("autograd: asks nothing of the system once warm") {
  Tensor x = random_tensor({40, 30}, 2), w = random_tensor({5, 30}, 3);
  w.set_requires_grad();
  const std::vector<std::int32_t> labels(40, 2);
  const auto step = [&] {
    cross_entropy(linear(x, w), labels).backward();
    mean(log_softmax(matmul(x, transpose(w)))).backward();
    w.retire_grad();
  };
  for (int i = 0; i < 3; ++i) step();
  const auto requests = memory_statistics().system_requests;
  for (int i = 0; i < 3; ++i) step();
  CHECK(memory_statistics().system_requests == requests);
}

}  // namespace
}  // namespace espalier
