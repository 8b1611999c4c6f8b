// Sparse convolution: gradients by central differences, and every pass against the dense
// convolution of the scattered weights, on awkward shapes and at every density.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/autograd.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/sparse_conv.h"
#include "core/parallel.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"
#include "tests/reference_conv.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

Shape weight_shape(const ConvShape& s) { return {s.o, s.c, s.kh, s.kw}; }

// Keeps a share of the weights at random, and nothing of every fifth row.
Pattern random_pattern(const Shape& dense, double density, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::uint8_t> kept(dense.numel());
  const std::int64_t row = dense.numel() / dense[0];
  for (std::int64_t i = 0; i < dense.numel(); ++i)
    kept[i] = rng.uniform(0, 1) < density && (density >= 1 || i / row % 5 != 2);
  return pattern_of(dense, kept);
}

Pattern one_weight(const Shape& dense) {
  std::vector<std::uint8_t> kept(dense.numel());
  kept[dense.numel() * 2 / 3] = 1;
  return pattern_of(dense, kept);
}

void check_sparse_gradient(const ConvShape& s, double density, bool relu, bool pool,
                           bool with_bias) {
  const Pattern pattern = random_pattern(weight_shape(s), density, 40);
  std::vector<Tensor> inputs = {random_tensor({s.n, s.c, s.h, s.w}, 1),
                                random_tensor({pattern->nonzero()}, 2)};
  if (with_bias) inputs.push_back(random_tensor({s.o}, 3));
  check_gradient(
      {.op = Op::SparseConv2d,
       .inputs = inputs,
       .operation =
           [=](const std::vector<Tensor>& in) {
             return sparse_conv2d(
                 in[0], in[1], pattern, with_bias ? in[2] : Tensor(),
                 {.stride = s.stride, .padding = s.padding, .relu = relu, .max_pool = pool});
           },
       .reference =
           [=](const std::vector<Values>& in) {
             Values dense(pattern->dense().numel());
             pattern->each([&](std::int64_t i, std::int64_t at) { dense[at] = in[1][i]; });
             Values y = reference_conv(s, in[0], dense, with_bias ? in[2] : Values());
             return relu ? reference_relu_pool(s, y, pool) : y;
           }});
}

void check_near(const Tensor& found, const Tensor& expected, const std::string& what) {
  const auto a = found.to_vector(), b = expected.to_vector();
  REQUIRE(a.size() == b.size());
  double largest = 1, error = 0;  // sums of one or two values may nearly cancel
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max<double>(largest, std::abs(b[i]));
    const double difference = std::abs(double{a[i]} - b[i]);
    error = std::max(error, std::isnan(difference) ? 1e30 : difference);
  }
  INFO(what);
  CHECK(error / largest < 2e-5);
}

void check_against_dense(const ConvShape& s, const Pattern& pattern, bool relu, bool pool) {
  INFO("N ", s.n, " C ", s.c, " H ", s.h, " W ", s.w, " O ", s.o, " K ", s.kh, "x", s.kw,
       " stride ", s.stride, " padding ", s.padding, " nonzero ", pattern->nonzero(), " relu ",
       relu, " pool ", pool);
  const ConvOptions options{
      .stride = s.stride, .padding = s.padding, .relu = relu, .max_pool = pool};
  Parameter values(random_tensor({pattern->nonzero()}, 5)), bias(random_tensor({s.o}, 6));
  Parameter dense(scatter(values, *pattern)), dense_bias(bias.clone());
  Tensor x = random_tensor({s.n, s.c, s.h, s.w}, 4), dense_x = x.clone();
  poison_free_memory();
  {
    NoGrad off;
    const Tensor y = sparse_conv2d(x, values, pattern, bias, options);
    check_near(y, conv2d(x, dense, bias, options), "forward without a tape");
    // Again, from the taps that were kept.
    CHECK(sparse_conv2d(x, values, pattern, bias, options).to_vector() == y.to_vector());
  }
  x.set_requires_grad();
  dense_x.set_requires_grad();
  const Tensor y = sparse_conv2d(x, values, pattern, bias, options);
  const Tensor expected = conv2d(dense_x, dense, dense_bias, options);
  check_near(y, expected, "forward");
  const Tensor r = random_tensor(y.shape(), 7);
  poison_free_memory();
  sum(y * r).backward();
  sum(expected * r).backward();
  check_near(x.grad(), dense_x.grad(), "dx");
  check_near(values.grad(), gather(dense.grad(), *pattern), "d values");
  check_near(bias.grad(), dense_bias.grad(), "db");
}

void check_densities(const ConvShape& s) {
  const bool pools = s.rows() % 2 == 0 && s.columns() % 2 == 0;
  for (const double density : {0.0, 0.1, 0.5, 1.0}) {
    const Pattern pattern = random_pattern(weight_shape(s), density, 41);
    check_against_dense(s, pattern, density == 0.5, false);
    if (density == 0.5) check_against_dense(s, pattern, false, false);
    if (pools) check_against_dense(s, pattern, true, true);
  }
  check_against_dense(s, one_weight(weight_shape(s)), true, pools);
}

}  // namespace

TEST_CASE("sparse_conv2d: gradients by central differences") {
  check_sparse_gradient({17, 2, 4, 4, 3, 3, 3, 1, 1}, 0.4, false, false, true);
  check_sparse_gradient({3, 2, 5, 4, 2, 3, 3, 2, 1}, 0.5, false, false, false);
  check_sparse_gradient({2, 3, 4, 4, 5, 1, 1, 2, 0}, 0.5, false, false, true);
  check_sparse_gradient({2, 1, 6, 6, 2, 5, 5, 1, 2}, 0.2, false, false, true);
  check_sparse_gradient({18, 3, 3, 9, 6, 3, 3, 1, 1}, 0.3, true, false, true);
  check_sparse_gradient({17, 2, 4, 4, 3, 3, 3, 1, 1}, 0.5, true, true, true);
  check_sparse_gradient({2, 3, 4, 4, 2, 1, 1, 1, 0}, 0.7, true, true, true);
}

TEST_CASE("sparse_conv2d: as the dense convolution, on awkward shapes and at every density") {
  for (const int n : {1, 17, 20})
    for (const ConvShape& s : {ConvShape{n, 3, 8, 8, 5, 3, 3, 1, 1},
                               {n, 5, 7, 7, 13, 3, 3, 1, 1},
                               {n, 2, 9, 7, 6, 3, 3, 2, 1},
                               {n, 4, 5, 3, 6, 1, 1, 1, 0},
                               {n, 3, 6, 7, 9, 1, 1, 2, 0},
                               {n, 2, 8, 9, 7, 5, 5, 1, 2},
                               {n, 1, 6, 6, 6, 5, 5, 1, 0},
                               {n, 2, 9, 11, 3, 3, 3, 3, 1},
                               {n, 3, 5, 3, 8, 2, 2, 1, 0},
                               {n, 2, 6, 5, 3, 2, 4, 1, 1},
                               {n, 2, 6, 5, 6, 4, 2, 3, 2},
                               {n, 3, 1, 1, 7, 1, 1, 1, 0},
                               {n, 7, 2, 2, 17, 3, 3, 1, 1},
                               {n, 5, 4, 4, 6, 3, 3, 1, 1},
                               {n, 3, 4, 4, 4, 1, 3, 1, 1},
                               {n, 2, 1, 9, 6, 3, 3, 1, 1},
                               {n, 2, 16, 20, 6, 3, 3, 2, 1},
                               {n, 2, 10, 12, 6, 3, 3, 1, 1}})
      check_densities(s);
  // Tiles of several blocks of images.
  for (const ConvShape& s : {ConvShape{70, 3, 2, 2, 7, 3, 3, 1, 1},
                             {150, 4, 1, 1, 6, 1, 1, 1, 0},
                             {40, 3, 2, 5, 4, 3, 3, 1, 1},
                             {70, 5, 4, 4, 6, 3, 3, 2, 1}})
    check_densities(s);
}

TEST_CASE("sparse_conv2d: many channels, in several parts") {
  for (const ConvShape& s : {ConvShape{17, 70, 8, 8, 9, 3, 3, 1, 1},
                             {35, 150, 2, 2, 70, 3, 3, 1, 1},
                             {3, 90, 9, 9, 40, 3, 3, 2, 1}})
    for (const bool relu : {false, true})
      for (const double density : {0.003, 0.1, 0.6})
        check_against_dense(s, random_pattern(weight_shape(s), density, 42), relu, false);
}

TEST_CASE("sparse_conv2d: blocks of four rows") {
  for (const ConvShape& s : {ConvShape{17, 5, 8, 8, 8, 3, 3, 1, 1},
                             {20, 70, 6, 7, 12, 3, 3, 1, 1},
                             {90, 9, 2, 2, 16, 3, 3, 1, 1},
                             {70, 8, 1, 1, 8, 1, 1, 1, 0},
                             {18, 6, 9, 12, 4, 3, 3, 2, 1},
                             {18, 6, 1, 5, 4, 1, 3, 1, 1}}) {
    Rng rng(47);
    const Shape shape = weight_shape(s);
    const std::int64_t row = shape.numel() / s.o;
    std::vector<std::uint8_t> kept(shape.numel());
    for (std::int64_t block = 0; block < s.o / 4 * ((row + 3) / 4); ++block) {
      const bool keep = rng.uniform(0, 1) < 0.4;
      for (int i = 0; i < 16; ++i) {
        const std::int64_t column = block % ((row + 3) / 4) * 4 + i % 4;
        const std::int64_t o = block / ((row + 3) / 4) * 4 + i / 4;
        if (column < row) kept[o * row + column] = keep;
      }
    }
    const Pattern pattern = pattern_of(shape, kept);
    check_against_dense(s, pattern, false, false);
    check_against_dense(s, pattern, true, s.rows() % 2 == 0 && s.columns() % 2 == 0);
  }
}

TEST_CASE("sparse_conv2d: the same bits with one thread and with two") {
  const auto gradients = [](int threads, const ConvShape& s, bool pool) {
    const int before = num_threads();
    set_num_threads(threads);
    const Pattern pattern = random_pattern(weight_shape(s), 0.2, 43);
    Tensor x = random_tensor({s.n, s.c, s.h, s.w}, 15).set_requires_grad();
    Parameter values(random_tensor({pattern->nonzero()}, 16)), b(random_tensor({s.o}, 17));
    const Tensor y =
        sparse_conv2d(x, values, pattern, b,
                      {.stride = s.stride, .padding = s.padding, .relu = true, .max_pool = pool});
    sum(y).backward();
    set_num_threads(before);
    return std::vector<std::vector<float>>{y.to_vector(), x.grad().to_vector(),
                                           values.grad().to_vector(), b.grad().to_vector()};
  };
  for (const ConvShape& s : {ConvShape{40, 6, 8, 8, 10, 3, 3, 1, 1},
                             {100, 40, 2, 2, 70, 3, 3, 1, 1},
                             {20, 20, 8, 12, 30, 3, 3, 2, 1}})
    for (const bool pool : {false, true}) CHECK(gradients(1, s, pool) == gradients(2, s, pool));
}

TEST_CASE("sparse_conv2d: a parameter's kept taps follow its values and the image's size") {
  NoGrad off;
  const Pattern pattern = random_pattern({5, 3, 3, 3}, 0.5, 44);
  Parameter values(random_tensor({pattern->nonzero()}, 13));
  for (const int side : {6, 8, 6}) {
    const Tensor x = random_tensor({9, 3, side, side}, 14);
    const auto before = sparse_conv2d(x, values, pattern).to_vector();
    for (std::int64_t i = 0; i < values.numel(); ++i) values.mutable_data()[i] *= 2;
    const auto after = sparse_conv2d(x, values, pattern).to_vector();
    for (std::size_t i = 0; i < before.size(); ++i) REQUIRE(after[i] == 2 * before[i]);
    check_near(sparse_conv2d(x, values, pattern), conv2d(x, scatter(values, *pattern)), "size");
  }
}

TEST_CASE("sparse_conv2d: a NaN in the input reaches the pooled output wherever a tap meets it") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Pattern pattern = pattern_of({1, 1, 1, 1}, std::vector<std::uint8_t>{1});
  for (int pixel = 0; pixel < 16; ++pixel) {
    Tensor x = Tensor::full({20, 1, 4, 4}, 1);
    x.mutable_data()[pixel] = nan;
    const auto y =
        sparse_conv2d(x, Tensor::full({1}, 1), pattern, {}, {.relu = true, .max_pool = true})
            .to_vector();
    CHECK(std::any_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
  }
}

TEST_CASE("sparse_conv2d: a warm step asks the system for nothing") {
  const Pattern pattern = random_pattern({20, 8, 3, 3}, 0.2, 45);
  Parameter values(random_tensor({pattern->nonzero()}, 18)), b(random_tensor({20}, 19));
  const Tensor given = random_tensor({50, 8, 8, 8}, 20);
  const auto step = [&] {
    Tensor x = given.clone().set_requires_grad();
    for (const int stride : {1, 2})
      sum(sparse_conv2d(x, values, pattern, b, {.stride = stride, .padding = 1, .relu = true}))
          .backward();
  };
  for (int i = 0; i < 3; ++i) step();
  const auto requests = memory_statistics().system_requests;
  for (int i = 0; i < 3; ++i) step();
  CHECK(memory_statistics().system_requests == requests);
}

TEST_CASE("sparse_conv2d: errors name what was found and expected") {
  const Tensor x = random_tensor({2, 3, 8, 8}, 18);
  const Pattern wrong = random_pattern({4, 5, 3, 3}, 0.5, 46);
  CHECK_THROWS_WITH_AS(sparse_conv2d(x, random_tensor({wrong->nonzero()}, 19), wrong),
                       "sparse_conv2d: found input of shape [2, 3, 8, 8], expected [N, 5, H, W]",
                       Error);
  const Pattern fits = one_weight({4, 3, 3, 3}), flat = one_weight({4, 3});
  CHECK_THROWS_WITH_AS(sparse_conv2d(x, random_tensor({2}, 19), fits),
                       "sparse_conv2d: found values of shape [2], expected [1]", Error);
  CHECK_THROWS_AS(sparse_conv2d(x, random_tensor({1}, 19), flat), Error);
  CHECK_THROWS_AS(sparse_conv2d(x, random_tensor({1}, 19), fits, random_tensor({5}, 21)), Error);
  CHECK_THROWS_AS(sparse_conv2d(x, random_tensor({1}, 19), fits, {}, {.max_pool = true}), Error);
}
