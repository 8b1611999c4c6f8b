// Concatenation of channels and features, and a factor for each channel.
#include <doctest/doctest.h>

#include "core/error.h"
#include "core/ops/concat.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/reduce.h"
#include "tests/gradcheck.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// Channels one after the other, for inputs of so many pixels a channel.
Values reference(const std::vector<Values>& in, const std::vector<std::int64_t>& channels,
                 std::int64_t images, std::int64_t pixels) {
  Values y;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::int64_t size = channels[i] * pixels;
      y.insert(y.end(), in[i].begin() + n * size, in[i].begin() + (n + 1) * size);
    }
  return y;
}

void check(const std::vector<std::int64_t>& channels, std::int64_t images, std::int64_t height,
           std::int64_t width) {
  const bool flat = height == 0;
  std::vector<Tensor> inputs;
  std::vector<int> all;
  for (const std::int64_t c : channels) {
    all.push_back(static_cast<int>(inputs.size()));
    inputs.push_back(random_tensor(flat ? Shape{images, c} : Shape{images, c, height, width},
                                   inputs.size() + 1));
  }
  check_gradient({.op = channels.size() == 1 ? Op::Count : Op::Concat,
                  .inputs = inputs,
                  .operation = [](const auto& in) { return concat(in); },
                  .reference =
                      [&](const auto& in) {
                        return reference(in, channels, images, flat ? 1 : height * width);
                      },
                  .activations = all});
}

}  // namespace

TEST_CASE("concat: channels and features, values and gradients") {
  check({2, 3}, 17, 2, 3);
  check({1, 2, 1}, 3, 3, 2);
  check({4, 1}, 18, 1, 1);
  check({3, 2}, 17, 0, 0);
  check({1, 2, 1, 1, 2, 1, 1}, 2, 2, 2);  // more than one operation takes
}

TEST_CASE("concat: one tensor alone is itself, and one twice gets both gradients") {
  Tensor x = random_tensor({2, 3, 2, 2}, 1);
  CHECK(same(concat({{x}}), x));
  x.set_requires_grad();
  sum(concat({{x, x}})).backward();
  CHECK(x.grad().to_vector() == std::vector<float>(24, 2));
}

TEST_CASE("concat: what does not fit is refused") {
  const Tensor x = Tensor::zeros({2, 3, 4, 4});
  CHECK_THROWS_WITH_AS(concat({}), "concat: found no tensor, expected at least one", Error);
  CHECK_THROWS_WITH_AS(concat({{x, Tensor::zeros({2, 3, 4, 5})}}),
                       "concat: found tensors of shapes [2, 3, 4, 4] and [2, 3, 4, 5], expected "
                       "images or features that differ in their channels at most",
                       Error);
  CHECK_THROWS_AS(concat({{x, Tensor::zeros({1, 3, 4, 4})}}), Error);
  CHECK_THROWS_AS(concat({{Tensor::zeros({3}), Tensor::zeros({3})}}), Error);
}

TEST_CASE("mul: images times a factor for each channel stay in lanes") {
  for (const Shape& shape : {Shape{17, 3, 2, 3}, Shape{2, 4, 3, 3}, Shape{3, 1, 1, 2}})
    check_gradient(
        {.op = Op::Mul,
         .inputs = {random_tensor(shape, 1), random_tensor({shape[0], shape[1], 1, 1}, 2)},
         .operation = [](const auto& in) { return mul(in[0], in[1]); },
         .reference =
             [&](const auto& in) {
               Values y = in[0];
               for (std::size_t i = 0; i < y.size(); ++i)
                 y[i] *= in[1][i / static_cast<std::size_t>(shape[2] * shape[3])];
               return y;
             },
         .activations = {0, 1}});
  const Tensor x = to_lanes(random_tensor({17, 3, 2, 3}, 1));
  CHECK(mul(x, random_tensor({17, 3, 1, 1}, 2)).layout() == x.layout());
}
