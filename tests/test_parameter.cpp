// Parameters: where the mask is 0, value, gradient and state are exactly zero, at all times.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::random_tensor;
using Mask = std::vector<std::uint8_t>;
using Floats = std::vector<float>;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Parameter parameter_of(const Floats& values) {
  return Parameter(Tensor::from({static_cast<std::int64_t>(values.size())}, values), "fc.weight");
}

// Whether every element that the mask removes is +0 exactly.
bool zero_where_removed(const Tensor& tensor, const Mask& mask) {
  const Floats values = tensor.to_vector();
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (!mask[i] && (values[i] != 0 || std::signbit(values[i]))) return false;
  return true;
}

TEST_CASE("parameter: is a leaf with a name, without mask and state") {
  Parameter p = parameter_of({1, 0, -2});
  CHECK(p.name() == "fc.weight");
  p.set_name("other");
  CHECK(p.name() == "other");
  CHECK(p.requires_grad());
  CHECK(p.mask() == nullptr);
  CHECK(p.states().empty());
  CHECK(p.nonzero() == 2);
  CHECK_FALSE(p.dense_gradient());
  const Parameter same_one = p;
  CHECK(same(same_one, p));
}

TEST_CASE("parameter: a mask zeroes value, gradient and states, and what they were is gone") {
  const Mask mask = {1, 0, 0, 1, 0};
  Parameter p = parameter_of({1, -2, kNaN, 4, -0.0f});
  sum(p * 3).backward();
  Tensor& momentum = p.state("momentum");
  CHECK(momentum.to_vector() == Floats(5, 0));
  momentum.copy_from(Tensor::from({5}, Floats{1, -2, kNaN, 4, -5}));
  const auto version = p.version();
  p.set_mask(mask);
  CHECK(p.version() > version);
  CHECK(Mask(p.mask(), p.mask() + 5) == mask);
  CHECK(p.to_vector() == Floats{1, 0, 0, 4, 0});
  CHECK(p.grad().to_vector() == Floats{3, 0, 0, 3, 0});
  CHECK(p.state("momentum").to_vector() == Floats{1, 0, 0, 4, 0});
  for (const Tensor& tensor : {Tensor(p), p.grad(), p.state("momentum"), p.state("new one")})
    CHECK(zero_where_removed(tensor, mask));
  CHECK(p.nonzero() == 2);
  p.clear_mask();
  CHECK(p.mask() == nullptr);
  CHECK(p.to_vector() == Floats{1, 0, 0, 4, 0});
}

TEST_CASE("parameter: the gradient is zero where the mask is, whatever the operation") {
  const Mask mask = {1, 0, 1, 0, 0, 1, 1, 0};
  Parameter p(random_tensor({2, 1, 2, 2}, 1));
  p.set_mask(mask);
  const Tensor images = random_tensor({3, 1, 4, 4}, 2);
  const auto with_mask = [&] { return sum(conv2d(images, p, {}, {})); };  // masks by itself
  const auto without = [&] { return sum(p * 2 + 1); };
  for (int order = 0; order < 4; ++order) {
    p.zero_grad();
    (order & 1 ? with_mask() : without()).backward();
    (order & 2 ? with_mask() : without()).backward();
    CHECK(zero_where_removed(p.grad(), mask));
    CHECK(p.grad().to_vector()[0] != 0);
    without().backward();  // also once it has been read
    CHECK(zero_where_removed(p.grad(), mask));
    p.retire_grad();
    with_mask().backward();
    CHECK(zero_where_removed(p.grad(), mask));
  }
}

TEST_CASE("parameter: a gradient is had where the mask is 0 while that is wanted") {
  const Mask mask = {1, 0, 1, 0};
  Parameter p(random_tensor({1, 1, 2, 2}, 3));
  p.set_mask(mask);
  p.set_dense_gradient(true);
  CHECK(p.dense_gradient());
  const Tensor images = random_tensor({3, 1, 4, 4}, 4);
  for (const bool masks_itself : {true, false}) {
    p.zero_grad();
    p.set_dense_gradient(true);
    (masks_itself ? sum(conv2d(images, p, {}, {})) : sum(p * 2)).backward();
    for (const float d : p.grad().to_vector()) CHECK(d != 0);
    p.enforce_mask();
    for (const float d : p.grad().to_vector()) CHECK(d != 0);
    CHECK(zero_where_removed(p, mask));
    p.set_dense_gradient(false);  // from here on the invariant holds again
    CHECK(zero_where_removed(p.grad(), mask));
  }
}

TEST_CASE("parameter: values written directly obey once the mask is enforced") {
  Parameter p = parameter_of({1, 2, 3});
  p.set_mask(Mask{0, 1, 1});
  p.copy_from(Tensor::from({3}, Floats{7, 8, 9}));
  p.enforce_mask();
  CHECK(p.to_vector() == Floats{0, 8, 9});
  p.set_mask(Mask{1, 0, 1});  // what returns starts from zero
  CHECK(p.to_vector() == Floats{0, 0, 9});
}

TEST_CASE("parameter: others take its place, of another shape, under the same identity") {
  Parameter p = parameter_of({1, 2, 3, 4});
  const Parameter handle = p;
  p.set_mask(Mask{1, 1, 0, 0});
  p.state("momentum");
  sum(p * p).backward();
  const auto version = p.version();
  const Tensor value = Tensor::from({2, 1}, Floats{5, 6});
  p.assign(value, Mask{0, 1}, {{"exp_avg", Tensor::full({2, 1}, 7)}});
  CHECK(handle.shape() == Shape{2, 1});
  CHECK(handle.to_vector() == Floats{0, 6});
  CHECK(handle.states().size() == 1);
  CHECK(p.state("exp_avg").to_vector() == Floats{0, 7});
  CHECK(handle.name() == "fc.weight");
  CHECK(p.version() > version);
  CHECK_FALSE(handle.grad().defined());
  CHECK(value.to_vector() == Floats{5, 6});  // the values were copied
  sum(p * p).backward();
  CHECK(handle.grad().to_vector() == Floats{0, 12});
  // Its own parts may come back to it.
  p.assign(p, {p.mask(), 2}, p.states());
  CHECK(p.to_vector() == Floats{0, 6});
  CHECK(Mask(p.mask(), p.mask() + 2) == Mask{0, 1});
  p.set_mask({p.mask(), 2});
  CHECK(Mask(p.mask(), p.mask() + 2) == Mask{0, 1});
  p.assign(value, {}, {});
  CHECK(p.mask() == nullptr);
  CHECK(p.states().empty());
}

TEST_CASE("parameter: what does not fit is refused, and nothing has changed then") {
  Parameter p = parameter_of({1, 2, 3});
  p.set_mask(Mask{1, 1, 0});
  CHECK_THROWS_WITH_AS(p.set_mask(Mask{1, 0}), "mask of fc.weight: found 2 elements, expected 3",
                       Error);
  CHECK_THROWS_WITH_AS(p.set_mask(Mask{1, 2, 0}),
                       "mask of fc.weight: found a value other than 0 and 1", Error);
  const Tensor value = Tensor::from({2}, Floats{5, 6});
  CHECK_THROWS_WITH_AS(p.assign(value, Mask{1}, {}),
                       "mask of fc.weight: found 1 elements, expected 2", Error);
  CHECK_THROWS_WITH_AS(p.assign(value, {}, {{"momentum", Tensor::zeros({3})}}),
                       "state momentum of fc.weight: found shape [3], expected [2]", Error);
  const Tensor in_lanes = Tensor::empty({1, 2}, {.lanes = 1});
  CHECK_THROWS_AS(p.assign(in_lanes, {}, {}), Error);
  CHECK_THROWS_AS(p.assign(Tensor(), {}, {}), Error);
  CHECK_THROWS_WITH_AS(Parameter(in_lanes, "w"),
                       "parameter w: found a tensor in lanes, expected plain", Error);
  CHECK(p.to_vector() == Floats{1, 2, 0});
  CHECK(Mask(p.mask(), p.mask() + 3) == Mask{1, 1, 0});
  Parameter none;
  CHECK_THROWS_AS(none.name(), Error);
  CHECK_THROWS_AS(none.mask(), Error);
  CHECK_THROWS_AS(none.state("momentum"), Error);
}

}  // namespace
}  // namespace espalier
