// Shapes and tensors: making, reading, copying, and what is shared.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/tensor.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using Floats = std::vector<float>;
using testing::random_tensor;

TEST_CASE("shape: sizes, positions from both ends, and text") {
  const Shape s = {128, 3, 32, 16};
  CHECK(s.rank() == 4);
  CHECK(s.numel() == 128 * 3 * 32 * 16);
  CHECK(s[0] == 128);
  CHECK(s[-1] == 16);
  CHECK(s.index(-4) == 0);
  CHECK(s.str() == "[128, 3, 32, 16]");
  CHECK(s.sizes() == std::vector<std::int64_t>{128, 3, 32, 16});
  CHECK(s == Shape(s.sizes()));
  CHECK_FALSE(s == Shape{128, 3, 32});
  CHECK_FALSE(s == Shape{128, 3, 32, 17});
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{}.str() == "[]");
  CHECK(Shape{3, 0, 2}.numel() == 0);
}

TEST_CASE("shape: one size changed, and one left out") {
  Shape s = {2, 3, 5};
  CHECK(s.without(0) == Shape{3, 5});
  CHECK(s.without(-2) == Shape{2, 5});
  CHECK(s.without(2) == Shape{2, 3});
  CHECK(Shape{7}.without(0) == Shape{});
  s.set(-1, 4);
  CHECK(s == Shape{2, 3, 4});
}

TEST_CASE("shape: errors name what was found and expected") {
  CHECK_THROWS_WITH_AS((Shape{1, 2, 3, 4, 5}), "shape: found 5 dimensions, expected at most 4",
                       Error);
  CHECK_THROWS_WITH_AS((Shape{2, -3}), "shape: found size -3 in dimension 1, expected 0 or more",
                       Error);
  const Shape s = {2, 3};
  CHECK_THROWS_WITH_AS(s[2], "shape [2, 3]: found dimension 2, expected one of its 2", Error);
  CHECK_THROWS_AS(s[-3], Error);
  CHECK_THROWS_AS(s.without(2), Error);
  CHECK_THROWS_AS(Shape{}[0], Error);
  const std::int64_t large = std::int64_t{1} << 40;
  CHECK_THROWS_WITH_AS((Shape{large, large}.numel()),
                       "shape [1099511627776, 1099511627776]: found more elements than a tensor "
                       "can have",
                       Error);
  CHECK(Shape{large, large, 0}.numel() == 0);
}

TEST_CASE("tensor: making") {
  CHECK(Tensor::zeros({2, 2}).to_vector() == Floats(4, 0));
  CHECK(Tensor::full({3}, 2.5f).to_vector() == Floats(3, 2.5f));
  CHECK(Tensor::scalar(7).shape() == Shape{});
  CHECK(Tensor::scalar(7).item() == 7);
  const Floats values = {1, 2, 3, 4, 5, 6};
  const Tensor t = Tensor::from({2, 3}, values);
  CHECK(t.to_vector() == values);
  CHECK(t.size(-1) == 3);
  CHECK(t.numel() == 6);
  CHECK(t.layout().plain());
  CHECK(t.storage_size() == 6);
  CHECK(Tensor::zeros({0, 3}).to_vector().empty());
  CHECK(reinterpret_cast<std::uintptr_t>(t.data()) % 64 == 0);
  CHECK_THROWS_WITH_AS(Tensor::from({2, 2}, values),
                       "tensor of shape [2, 2]: found 6 values, expected 4", Error);
}

TEST_CASE("tensor: random values come from the generator in row-major order") {
  Rng rng(1), same_seed(1);
  const Tensor normal = Tensor::randn({2, 3}, rng);
  for (const float x : normal.to_vector()) CHECK(x == same_seed.normal());
  const Tensor uniform = Tensor::uniform({4}, -1, 3, rng);
  for (const float x : uniform.to_vector()) CHECK(x == same_seed.uniform(-1, 3));
}

TEST_CASE("tensor: more memory than there is, is refused in one sentence") {
  CHECK_THROWS_WITH_AS(Tensor::zeros({std::int64_t{1} << 50}),
                       "tensor: found no memory for its 1125899906842624 elements", Error);
  CHECK_THROWS_AS(Tensor::zeros({std::numeric_limits<std::int64_t>::max()}), Error);
}

TEST_CASE("tensor: handles, clones and detached tensors") {
  Tensor x = random_tensor({3}, 2);
  x.set_requires_grad();
  Tensor handle = x, clone = x.clone(), detached = x.detach();
  CHECK(same(handle, x));
  CHECK_FALSE(same(clone, x));
  CHECK_FALSE(clone.requires_grad());
  CHECK_FALSE(detached.requires_grad());
  CHECK(detached.data() == x.data());
  CHECK(clone.data() != x.data());
  const float second = x.data()[1];
  handle.mutable_data()[1] = 99;
  CHECK(x.to_vector()[1] == 99);
  CHECK(detached.to_vector()[1] == 99);
  CHECK(clone.to_vector()[1] == second);
  const Tensor lanes = to_lanes(random_tensor({3, 2, 4, 4}, 3));
  CHECK(lanes.clone().layout() == lanes.layout());
  CHECK(lanes.clone().to_vector() == lanes.to_vector());
}

TEST_CASE("tensor: a version says that values may have changed") {
  Tensor x = Tensor::zeros({2});
  const auto version = x.version();
  x.data();
  x.to_vector();
  CHECK(x.version() == version);
  x.mutable_data();
  CHECK(x.version() > version);
  const auto written = x.version();
  x.copy_from(Tensor::zeros({2}));
  CHECK(x.version() > written);
}

TEST_CASE("tensor: values are copied from any layout to any other") {
  for (const Shape& shape : {Shape{17, 2, 3, 4}, Shape{5, 7}}) {
    const Tensor plain = random_tensor(shape, 4);
    std::vector<Layout> layouts = {{}, {1, 0}, {simd_lanes(), 0}};
    if (shape.rank() == 4) layouts.push_back({simd_lanes(), 2});
    for (const Layout& from : layouts)
      for (const Layout& to : layouts) {
        Tensor target = to_layout(Tensor::zeros(shape), to).clone();
        const auto version = target.version();
        target.copy_from(to_layout(plain, from));
        CHECK(target.layout() == to);
        CHECK(target.to_vector() == plain.to_vector());
        CHECK(target.version() > version);
      }
  }
  Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(x.copy_from(Tensor::zeros({3, 2})),
                       "copy: found shape [3, 2], expected [2, 3]", Error);
}

TEST_CASE("tensor: the value of one element") {
  CHECK(Tensor::full({1, 1, 1}, 4).item() == 4);
  CHECK(to_layout(Tensor::full({1, 1, 1, 1}, 5), {simd_lanes(), 1}).item() == 5);
  CHECK_THROWS_WITH_AS(Tensor::zeros({2}).item(),
                       "item: found a tensor of shape [2], expected one element", Error);
}

TEST_CASE("tensor: only leaves are told whether they require a gradient") {
  Tensor x = Tensor::scalar(1);
  CHECK_FALSE(x.requires_grad());
  CHECK(x.set_requires_grad().requires_grad());
  Tensor y = x * 2;
  CHECK(y.requires_grad());
  CHECK_THROWS_WITH_AS(y.set_requires_grad(false),
                       "requires_grad: found the result of an operation, expected a leaf", Error);
  CHECK_FALSE(x.set_requires_grad(false).requires_grad());
}

TEST_CASE("tensor: an empty handle is an error, whatever is asked of it") {
  Tensor none;
  CHECK_FALSE(none.defined());
  CHECK_THROWS_WITH_AS(none.shape(), "tensor: found an empty handle, expected a tensor", Error);
  CHECK_THROWS_AS(none.layout(), Error);
  CHECK_THROWS_AS(none.data(), Error);
  CHECK_THROWS_AS(none.mutable_data(), Error);
  CHECK_THROWS_AS(none.version(), Error);
  CHECK_THROWS_AS(none.storage_size(), Error);
  CHECK_THROWS_AS(none.planes(), Error);
  CHECK_THROWS_AS(none.to_vector(), Error);
  CHECK_THROWS_AS(none.item(), Error);
  CHECK_THROWS_AS(none.clone(), Error);
  CHECK_THROWS_AS(none.detach(), Error);
  CHECK_THROWS_AS(none.copy_from(Tensor::zeros({1})), Error);
  CHECK_THROWS_AS(Tensor::zeros({1}).copy_from(none), Error);
  CHECK_THROWS_AS(none.requires_grad(), Error);
  CHECK_THROWS_AS(none.set_requires_grad(), Error);
  CHECK_THROWS_AS(none.grad(), Error);
  CHECK_THROWS_AS(none.unmasked_grad(), Error);
  CHECK_THROWS_AS(none.zero_grad(), Error);
  CHECK_THROWS_AS(none.retire_grad(), Error);
}

}  // namespace
}  // namespace espalier
