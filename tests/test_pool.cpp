// Pooling and flatten against plain loops in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"
#include "core/parallel.h"
#include "tests/gradcheck.h"

namespace espalier {
namespace {

using testing::check_gradient;
using testing::poison_free_memory;
using testing::random_tensor;
using testing::Reference;
using testing::Values;

enum class Kind { Max, Mean };

Reference pool_reference(Kind kind, const Shape& s, int kernel, int stride, int padding) {
  return [=](const std::vector<Values>& in) {
    const std::int64_t height = s[2], width = s[3];
    Values y;
    for (std::int64_t plane = 0; plane < s[0] * s[1]; ++plane)
      for (std::int64_t top = -padding; top + kernel <= height + padding; top += stride)
        for (std::int64_t left = -padding; left + kernel <= width + padding; left += stride) {
          double total = 0, largest = -std::numeric_limits<double>::infinity();
          for (std::int64_t r = top; r < top + kernel; ++r)
            for (std::int64_t c = left; c < left + kernel; ++c) {
              if (r < 0 || r >= height || c < 0 || c >= width) continue;
              const double x = in[0][static_cast<std::size_t>((plane * height + r) * width + c)];
              total += x;
              largest = std::max(largest, x);
            }
          y.push_back(kind == Kind::Max ? largest : total / (kernel * kernel));
        }
    return y;
  };
}

struct PoolCase {
  Shape shape;
  PoolOptions options;
};

const PoolCase kCases[] = {
    {{17, 2, 4, 6}, {}},                                        // the fast path
    {{1, 3, 2, 2}, {}},                                         // to one pixel
    {{3, 2, 5, 7}, {}},                                         // a row and a column left over
    {{33, 1, 4, 4}, {.kernel = 2, .stride = 1}},                // windows that overlap
    {{2, 3, 7, 6}, {.kernel = 3, .stride = 2, .padding = 1}},   // as in ResNet
    {{17, 1, 5, 4}, {.kernel = 2, .stride = 2, .padding = 1}},  // at the edge one pixel only
    {{2, 2, 6, 9}, {.kernel = 3}},                              // a partition into 3x3
    {{2, 1, 9, 8}, {.kernel = 2, .stride = 3}},                 // pixels that no window holds
    {{1, 2, 3, 5}, {.kernel = 5, .stride = 1, .padding = 2}},   // larger than the image
    {{2, 1, 15, 15}, {.kernel = 15}},                           // the largest tap is 224
    {{5, 2, 3, 4}, {.kernel = 1, .stride = 2}},
};

TEST_CASE("pool: windows of every kind, values and gradients") {
  for (const PoolCase& c : kCases) {
    CAPTURE(c.shape.str());
    const int kernel = c.options.kernel.y, padding = c.options.padding.top;
    const int step = c.options.stride == Pair(0) ? kernel : c.options.stride.y;
    check_gradient({.op = Op::MaxPool2d,
                    .inputs = {random_tensor(c.shape, 1)},
                    .operation = [&](const auto& in) { return max_pool2d(in[0], c.options); },
                    .reference = pool_reference(Kind::Max, c.shape, kernel, step, padding)});
    check_gradient({.op = Op::AvgPool2d,
                    .inputs = {random_tensor(c.shape, 2)},
                    .operation = [&](const auto& in) { return avg_pool2d(in[0], c.options); },
                    .reference = pool_reference(Kind::Mean, c.shape, kernel, step, padding)});
  }
}

TEST_CASE("pool: large enough for threads, and the same bits with one") {
  const int threads = num_threads();
  for (const int used : {1, threads + 1}) {
    set_num_threads(used);
    for (const PoolOptions options : {PoolOptions{}, PoolOptions{3, 2, 1}}) {
      const Shape shape = {37, 5, 20, 22};
      Tensor x = random_tensor(shape, 3);
      const Values expected =
          pool_reference(Kind::Max, shape, options.kernel.y, 2, options.padding.top)({[&] {
            const auto values = x.to_vector();
            return Values(values.begin(), values.end());
          }()});
      const std::vector<float> found = max_pool2d(x, options).to_vector();
      CHECK(Values(found.begin(), found.end()) == expected);
    }
  }
  set_num_threads(threads);
}

// The gradient of sum(y) at x.
std::vector<float> gradient_of_sum(Tensor x, const PoolOptions& options) {
  x.set_requires_grad();
  const Tensor y = max_pool2d(x, options);
  record(Op::Sum, Tensor::scalar(0), {y}, [y](const Tensor&) {
    const GradOut dy = grad_out(y);
    const Tensor ones = to_layout(Tensor::full(y.shape(), 1), y.layout());
    std::copy_n(ones.data(), ones.storage_size(), dy.data);
  }).backward();
  return x.grad().to_vector();
}

TEST_CASE("max_pool2d: of several maxima the first in row order takes the gradient") {
  const std::vector<float> tied = {1, 5, 5, 5, /**/ 5, 0, 5, 5};
  const std::vector<float> first = {0, 1, 1, 0, /**/ 0, 0, 0, 0};
  CHECK(gradient_of_sum(Tensor::from({1, 1, 2, 4}, tied), {}) == first);
  const float low = -std::numeric_limits<float>::infinity();
  CHECK(gradient_of_sum(Tensor::full({1, 1, 2, 2}, low), {}) == std::vector<float>{1, 0, 0, 0});
  CHECK(gradient_of_sum(Tensor::full({1, 1, 3, 3}, low), {3, 1, 1}) ==
        std::vector<float>{4, 2, 0, 2, 1, 0, 0, 0, 0});
}

TEST_CASE("max_pool2d: NaN wins, wherever it stands") {
  for (const PoolOptions options : {PoolOptions{}, PoolOptions{2, 1, 0}})
    for (int place = 0; place < 4; ++place) {
      std::vector<float> values = {1, 2, 3, 4};
      values[static_cast<std::size_t>(place)] = std::numeric_limits<float>::quiet_NaN();
      const Tensor x = Tensor::from({1, 1, 2, 2}, values);
      CHECK(std::isnan(max_pool2d(x, options).item()));
      NoGrad off;  // one image a block
      CHECK(std::isnan(max_pool2d(x, options).item()));
      CHECK(std::isnan(avg_pool2d(x, options).item()));
    }
}

TEST_CASE("max_pool2d: below zero the padding does not win") {
  const Tensor x = Tensor::full({1, 1, 3, 3}, -2);
  for (const float value : max_pool2d(x, {3, 2, 1}).to_vector()) CHECK(value == -2);
}

TEST_CASE("global_avg_pool and flatten: values and gradients") {
  for (const Shape& s : {Shape{17, 3, 4, 3}, Shape{1, 5, 1, 1}, Shape{33, 2, 1, 5}}) {
    CAPTURE(s.str());
    const std::int64_t area = s[2] * s[3];
    check_gradient({.op = Op::GlobalAvgPool,
                    .inputs = {random_tensor(s, 1)},
                    .operation =
                        [&](const auto& in) {
                          const Tensor y = global_avg_pool(in[0]);
                          CHECK(y.shape() == Shape{s[0], s[1], 1, 1});
                          return y;
                        },
                    .reference =
                        [&](const auto& in) {
                          Values y(static_cast<std::size_t>(s[0] * s[1]), 0.0);
                          for (std::size_t i = 0; i < in[0].size(); ++i)
                            y[i / static_cast<std::size_t>(area)] +=
                                in[0][i] / static_cast<double>(area);
                          return y;
                        }});
    check_gradient({.op = Op::Flatten,
                    .inputs = {random_tensor(s, 2)},
                    .operation =
                        [&](const auto& in) {
                          const Tensor y = flatten(in[0]);
                          CHECK(y.shape() == Shape{s[0], s[1] * area});
                          return y;
                        },
                    .reference = [](const auto& in) { return in[0]; }});
  }
  const Tensor features = random_tensor({3, 4}, 1);
  CHECK(same(flatten(features), features));
}

TEST_CASE("pool: a batch without images") {
  CHECK(max_pool2d(Tensor::zeros({0, 2, 4, 4})).shape() == Shape{0, 2, 2, 2});
  CHECK(global_avg_pool(Tensor::zeros({0, 2, 4, 4})).shape() == Shape{0, 2, 1, 1});
  CHECK(flatten(Tensor::zeros({0, 2, 4, 4})).shape() == Shape{0, 32});
}

TEST_CASE("pool: once warm no memory is asked of the system") {
  Tensor x = to_lanes(random_tensor({20, 3, 8, 8}, 1)).detach();
  const auto step = [&x] {
    x.set_requires_grad();
    const Tensor y = flatten(global_avg_pool(avg_pool2d(max_pool2d(x), {3, 1, 1})));
    record(Op::Sum, Tensor::scalar(0), {y}, [y](const Tensor&) {
      std::fill_n(grad_out(y).data, y.storage_size(), 0.0f);
    }).backward();
  };
  step();
  step();
  const std::uint64_t before = memory_statistics().system_requests;
  step();
  CHECK(memory_statistics().system_requests == before);
}

TEST_CASE("pool: errors name what was found and expected") {
  const Tensor x = Tensor::zeros({2, 3, 4, 5});
  CHECK_THROWS_WITH_AS(max_pool2d(Tensor::zeros({2, 3})),
                       "max_pool2d: found a tensor of shape [2, 3], expected images [N, C, H, W]",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, {.kernel = 16}),
                       "max_pool2d: found a kernel of 16x16, expected 1 to 15", Error);
  CHECK_THROWS_WITH_AS(avg_pool2d(x, {.kernel = 0}),
                       "avg_pool2d: found a kernel of 0x0, expected 1 to 15", Error);
  CHECK_THROWS_WITH_AS(avg_pool2d(x, {.kernel = 2, .stride = -1}),
                       "avg_pool2d: found a stride of -1, expected 1 or more", Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, {.kernel = 3, .padding = 3}),
                       "max_pool2d: found a padding of 3, 3, 3 and 3, expected less than the "
                       "kernel of 3x3",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, {.kernel = 5}),
                       "max_pool2d: found images of 4x5, with their padding 4x5, expected at least "
                       "the kernel's 5x5",
                       Error);
  CHECK_THROWS_WITH_AS(global_avg_pool(Tensor::zeros({2, 3, 0, 4})),
                       "global_avg_pool: found a tensor of shape [2, 3, 0, 4], expected images "
                       "[N, C, H, W] of at least one pixel",
                       Error);
  CHECK_THROWS_WITH_AS(flatten(Tensor::zeros({2, 3, 4})),
                       "flatten: found a tensor of shape [2, 3, 4], expected images [N, C, H, W]",
                       Error);
}

}  // namespace
}  // namespace espalier
