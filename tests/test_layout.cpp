// Layouts: where every element of a copy lies, what lies around it, and when nothing is copied.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::random_tensor;
using testing::Values;

// Calls f(float in lanes, its index in row-major order, or -1 in halo and padding lanes).
template <class Function>
void for_each_float(const Planes& p, const Function& f) {
  for (int b = 0; b < p.blocks; ++b)
    for (int c = 0; c < p.channels; ++c)
      for (int y = -p.halo; y < p.height + p.halo; ++y)
        for (int x = -p.halo; x < p.width + p.halo; ++x)
          for (int lane = 0; lane < p.lanes; ++lane) {
            const std::int64_t image = std::int64_t{b} * p.lanes + lane;
            const bool real = y >= 0 && y < p.height && x >= 0 && x < p.width && image < p.images;
            f(p.plane(b, c)[y * p.row_stride + x * p.lanes + lane],
              real ? ((image * p.channels + c) * p.height + y) * p.width + x : -1);
          }
  if (p.halo > 0 || p.block_stride < p.channel_stride) return;
  for (int i = 0; i < p.blocks * p.channels; ++i)  // what lies behind a plane
    for (std::int64_t k = p.height * p.row_stride; k < p.channel_stride; ++k)
      f(p.data[i * p.channel_stride + k], -1);
}

// Values that say where they belong, never 0.
Tensor numbered(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  float* x = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i) x[i] = static_cast<float>(i + 1);
  return t;
}

Tensor filled(const Shape& shape, const Layout& layout, float value) {
  Tensor t = Tensor::empty(shape, layout);
  std::fill_n(t.mutable_data(), t.storage_size(), value);
  return t;
}

std::int64_t wrong_floats(const Tensor& t, float factor, float around) {
  std::int64_t wrong = 0;
  for_each_float(t.planes(), [&](float x, std::int64_t i) {
    wrong += x != (i < 0 ? around : factor * static_cast<float>(i + 1));
  });
  return wrong;
}

const Shape kShapes[] = {{1, 1, 1, 1},   {1, 3, 5, 7},   {17, 3, 4, 4}, {33, 2, 3, 37},
                         {16, 5, 1, 16}, {5, 300, 1, 1}, {3, 2, 2, 0},  {32, 1, 28, 1},
                         {17, 533},      {1, 5},         {16, 16},      {0, 3, 2, 2},
                         {17, 3, 8, 8}};

std::vector<Layout> layouts_for(const Shape& shape) {
  if (shape.rank() == 2) return {{simd_lanes(), 0}, {1, 0}};
  return {{simd_lanes(), 0}, {simd_lanes(), 1}, {simd_lanes(), 2}, {1, 0}, {1, 1}};
}

TEST_CASE("relayout: between row-major order and lanes, every float") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Shape& shape : kShapes)
    for (const Layout& layout : layouts_for(shape)) {
      CAPTURE(shape.str());
      CAPTURE(layout.lanes);
      CAPTURE(layout.halo);
      const Tensor plain = numbered(shape);
      Tensor lanes = filled(shape, layout, nan);
      relayout(shape, plain.data(), {}, lanes.mutable_data(), layout);
      CHECK(wrong_floats(lanes, 1, 0) == 0);
      relayout(shape, plain.data(), {}, lanes.mutable_data(), layout, true);
      CHECK(wrong_floats(lanes, 2, 0) == 0);

      for_each_float(lanes.planes(), [nan](float& x, std::int64_t i) { x = i < 0 ? nan : x; });
      Tensor back = filled(shape, {}, nan);
      for (const bool add : {false, true})
        relayout(shape, lanes.data(), layout, back.mutable_data(), {}, add);
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < back.numel(); ++i)
        wrong += back.data()[i] != 4 * plain.data()[i];
      CHECK(wrong == 0);
    }
}

TEST_CASE("relayout: between lanes of different width and halo, every float") {
  for (const Shape& shape : kShapes)
    for (const Layout& from : layouts_for(shape))
      for (const Layout& to : layouts_for(shape)) {
        CAPTURE(shape.str());
        CAPTURE(from.lanes);
        CAPTURE(to.lanes);
        Tensor source = filled(shape, from, 7);
        relayout(shape, numbered(shape).data(), {}, source.mutable_data(), from);
        for_each_float(source.planes(), [](float& x, std::int64_t i) { x = i < 0 ? 7 : x; });
        Tensor target = filled(shape, to, std::numeric_limits<float>::quiet_NaN());
        relayout(shape, source.data(), from, target.mutable_data(), to);
        CHECK(wrong_floats(target, 1, 0) == 0);
        relayout(shape, source.data(), from, target.mutable_data(), to, true);
        CHECK(wrong_floats(target, 2, 0) == 0);
      }
}

TEST_CASE("layout: gradients of relayout") {
  const auto same_values = [](const std::vector<Values>& in) { return in[0]; };
  for (const Shape& shape : {Shape{17, 2, 3, 5}, Shape{1, 3, 1, 1}, Shape{33, 7}}) {
    check_gradient({.op = Op::Relayout,
                    .inputs = {random_tensor(shape, 1)},
                    .operation = [](const auto& in) { return to_plain(to_lanes(in[0])); },
                    .reference = same_values});
    check_gradient({.op = Op::Relayout,
                    .inputs = {random_tensor(shape, 2)},
                    .operation =
                        [](const auto& in) {
                          return to_layout(to_layout(in[0], {1, 3}), {simd_lanes(), 1});
                        },
                    .reference = same_values});
  }
}

TEST_CASE("layout: what lies right already is returned as it is") {
  const Tensor plain = random_tensor({3, 2, 4, 4}, 1);
  CHECK(same(to_plain(plain), plain));
  for (const Layout& layout : {Layout{simd_lanes(), 1}, Layout{simd_lanes(), 0}, Layout{1, 2}}) {
    const Tensor x = to_layout(plain, layout);
    CHECK(x.layout() == layout);
    CHECK(same(to_layout(x, layout), x));
    CHECK(same(to_lanes(x), x));
    CHECK_FALSE(same(to_plain(x), x));
  }
  // Features have no halo, and the row-major order has none either.
  CHECK(to_layout(random_tensor({3, 2}, 1), {1, 1}).layout() == Layout{1, 0});
  CHECK(same(to_layout(plain, {0, 1}), plain));
}

TEST_CASE("layout: the lanes that fit a batch") {
  const int lanes = simd_lanes();
  CHECK(to_lanes(Tensor::zeros({1, 2, 3, 3})).layout() == Layout{lanes, 1});  // may need a gradient
  CHECK(to_lanes(Tensor::zeros({1, 9})).layout() == Layout{lanes, 0});
  NoGrad off;
  CHECK(to_lanes(Tensor::zeros({1, 2, 3, 3})).layout() == Layout{1, 1});
  CHECK(to_lanes(Tensor::zeros({1, 9})).layout() == Layout{1, 0});
  CHECK(to_lanes(Tensor::zeros({100, 2, 3, 1})).layout() == Layout{lanes, 1});
  CHECK(to_lanes(Tensor::zeros({100, 2, 1, 1})).layout() == Layout{lanes, 0});
}

TEST_CASE("layout: errors name what was found and expected") {
  CHECK_THROWS_WITH_AS(to_lanes(Tensor::zeros({2, 3, 4})),
                       "lanes: found a tensor of shape [2, 3, 4], expected images [N, C, H, W] or "
                       "features [N, F]",
                       Error);
  const Tensor x = Tensor::zeros({2, 3, 4, 4});
  CHECK_THROWS_WITH_AS(to_layout(x, {3, 1}),
                       doctest::Contains("layout: found 3 lanes, expected 0 (plain), 1 or"), Error);
  CHECK_THROWS_WITH_AS(to_layout(x, {1, -1}), "layout: found a halo of -1, expected 0 or more",
                       Error);
  CHECK_THROWS_AS(to_layout(Tensor::zeros({2, 3, 4}), {1, 0}), Error);
}

}  // namespace
}  // namespace espalier
