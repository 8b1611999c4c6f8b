// Convolution: gradients by central differences, and every kernel against the plain reference on
// awkward shapes, forward and back.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/layout.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"
#include "tests/reference_conv.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

void check_conv_gradient(const ConvShape& s, bool relu, bool pool, bool with_bias) {
  std::vector<Tensor> inputs = {random_tensor({s.n, s.c, s.h, s.w}, 1),
                                random_tensor({s.o, s.c, s.kh, s.kw}, 2)};
  if (with_bias) inputs.push_back(random_tensor({s.o}, 3));
  check_gradient(
      {.op = Op::Conv2d,
       .inputs = inputs,
       .operation =
           [=](const std::vector<Tensor>& in) {
             return conv2d(
                 in[0], in[1], with_bias ? in[2] : Tensor(),
                 {.stride = s.stride, .padding = s.padding, .relu = relu, .max_pool = pool});
           },
       .reference =
           [=](const std::vector<Values>& in) {
             Values y = reference_conv(s, in[0], in[1], with_bias ? in[2] : Values());
             return relu ? reference_relu_pool(s, y, pool) : y;
           }});
}

std::vector<double> doubles(const Tensor& t) {
  const std::vector<float> values = t.to_vector();
  return {values.begin(), values.end()};
}

void check_near(const Tensor& found, const std::vector<double>& expected, const char* what) {
  const std::vector<double> values = doubles(found);
  REQUIRE(values.size() == expected.size());
  double largest = 1e-3, error = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double difference = std::abs(values[i] - expected[i]);
    error = std::max(error, std::isnan(difference) ? 1e30 : difference);
  }
  INFO(what);
  CHECK(error / largest < 2e-5);
}

// Forward, and all three gradients of a linear functional of the result, against plain loops.
void check_against_loops(const ConvShape& s, int halo = kDefaultHalo) {
  INFO("N ", s.n, " C ", s.c, " H ", s.h, " W ", s.w, " O ", s.o, " K ", s.kh, "x", s.kw,
       " stride ", s.stride, " padding ", s.padding, " halo ", halo);
  Tensor x = random_tensor({s.n, s.c, s.h, s.w}, 4);
  Parameter w(random_tensor({s.o, s.c, s.kh, s.kw}, 5)), bias(random_tensor({s.o}, 6));
  const ConvOptions options{.stride = s.stride, .padding = s.padding, .halo = halo};
  const auto expected = reference_conv(s, doubles(x), doubles(w), doubles(bias));
  poison_free_memory();
  {
    NoGrad off;
    check_near(conv2d(x, w, bias, options), expected, "forward without a tape");
  }
  x.set_requires_grad();
  const Tensor y = conv2d(x, w, bias, options);
  check_near(y, expected, "forward");
  const Tensor r = random_tensor(y.shape(), 7);
  poison_free_memory();
  sum(y * r).backward();
  const auto dy = doubles(r), xs = doubles(x), ws = doubles(w);
  std::vector<double> dx(xs.size()), dw(ws.size()), db(s.o);
  for_products(s, [&](int out, int in, int weight, int) {
    dx[in] += dy[out] * ws[weight];
    dw[weight] += dy[out] * xs[in];
  });
  const int area = s.rows() * s.columns();
  for (std::size_t i = 0; i < dy.size(); ++i) db[i / area % s.o] += dy[i];
  check_near(x.grad(), dx, "dx");
  check_near(w.grad(), dw, "dw");
  check_near(bias.grad(), db, "db");
}

}  // namespace

TEST_CASE("conv2d: gradients by central differences") {
  check_conv_gradient({17, 2, 4, 4, 3, 3, 3, 1, 1}, false, false, true);
  check_conv_gradient({3, 2, 5, 4, 2, 3, 3, 2, 1}, false, false, false);
  check_conv_gradient({2, 3, 4, 4, 5, 1, 1, 2, 0}, false, false, true);
  check_conv_gradient({2, 1, 6, 6, 2, 5, 5, 1, 2}, false, false, true);
}

TEST_CASE("conv2d: gradients through relu and pooling in registers") {
  check_conv_gradient({17, 2, 4, 4, 3, 3, 3, 1, 1}, true, false, true);
  check_conv_gradient({17, 2, 4, 4, 3, 3, 3, 1, 1}, true, true, true);
  check_conv_gradient({17, 5, 4, 4, 3, 3, 3, 1, 1}, true, false, true);
  check_conv_gradient({17, 5, 4, 4, 3, 3, 3, 1, 1}, true, true, true);
  check_conv_gradient({1, 1, 5, 5, 7, 2, 2, 1, 0}, true, true, true);
  check_conv_gradient({2, 3, 4, 4, 2, 1, 1, 1, 0}, true, true, true);
}

TEST_CASE("conv2d: every kernel against plain loops on awkward shapes") {
  for (const int n : {1, 3, 16, 17, 33})
    for (const ConvShape& s : {ConvShape{n, 3, 8, 8, 5, 3, 3, 1, 1},
                               {n, 5, 7, 6, 13, 3, 3, 1, 0},
                               {n, 2, 9, 7, 4, 3, 3, 2, 1},
                               {n, 4, 5, 5, 6, 1, 1, 1, 0},
                               {n, 3, 6, 7, 9, 1, 1, 2, 0},
                               {n, 2, 8, 9, 3, 5, 5, 1, 2},
                               {n, 1, 6, 6, 2, 5, 5, 1, 0},
                               {n, 2, 7, 7, 3, 7, 7, 2, 3},
                               {n, 3, 5, 6, 2, 2, 4, 1, 1},
                               {n, 2, 6, 5, 3, 4, 2, 3, 2},
                               {n, 1, 1, 1, 1, 1, 1, 1, 0},
                               {n, 2, 2, 2, 17, 3, 3, 1, 1},
                               {n, 3, 4, 4, 4, 1, 3, 1, 1},
                               {n, 2, 11, 3, 3, 3, 3, 3, 0}})
      for (const int halo : {kDefaultHalo, 0, 2}) check_against_loops(s, halo);
}

TEST_CASE("conv2d: many input channels, whose sums are set aside from block to block") {
  check_against_loops({9, 350, 3, 3, 5, 1, 1, 1, 0});
  check_against_loops({3, 80, 5, 4, 7, 3, 3, 1, 1}, 0);
  check_against_loops({17, 70, 5, 5, 9, 3, 3, 2, 1});
  check_against_loops({17, 130, 2, 2, 4, 3, 3, 1, 1});
  const Tensor x = random_tensor({9, 90, 8, 6}, 28), w = random_tensor({7, 90, 3, 3}, 29);
  const Tensor b = random_tensor({7}, 30);
  const auto apart = max_pool2d(conv2d(x, w, b, {.padding = 1, .relu = true})).to_vector();
  CHECK(apart == conv2d(x, w, b, {.padding = 1, .relu = true, .max_pool = true}).to_vector());
}

// 8x8 pixels of a block, without a halo, are followed by a line that holds no pixel.
TEST_CASE("conv2d: planes without a halo, one after the other") {
  for (const int n : {1, 17})
    for (const ConvShape& s : {ConvShape{n, 5, 8, 8, 6, 1, 1, 1, 0}, {n, 3, 8, 16, 33, 1, 1, 1, 0}})
      check_against_loops(s, 0);
  const Tensor x = random_tensor({17, 3, 8, 8}, 31);
  Parameter one(random_tensor({6, 3, 1, 1}, 32)), two(random_tensor({4, 6, 3, 3}, 33));
  const auto run = [&](int halo) {
    one.zero_grad();
    const Tensor y = conv2d(x, one, {}, {.halo = halo});
    sum(conv2d(y + y, two, {}, {.padding = 1})).backward();
    return one.grad().to_vector();
  };
  CHECK(run(0) == run(kDefaultHalo));
}

TEST_CASE("conv2d: many channels, which the weight gradient splits among several passes") {
  check_against_loops({20, 40, 5, 5, 35, 3, 3, 1, 1});
  check_against_loops({4, 150, 3, 3, 9, 1, 1, 1, 0});
  check_against_loops({130, 2, 6, 6, 3, 3, 3, 1, 1});
}

TEST_CASE(
    "conv2d: output channels that fill vectors, whose weight gradient has them side by side") {
  for (const int n : {1, 18})
    for (const ConvShape& s : {ConvShape{n, 5, 6, 6, 16, 3, 3, 1, 1},
                               {n, 7, 5, 7, 14, 3, 3, 1, 0},
                               {n, 5, 8, 8, 32, 3, 3, 2, 1},
                               {n, 6, 9, 6, 31, 3, 3, 2, 1},
                               {n, 5, 7, 7, 48, 3, 3, 3, 1},
                               {n, 9, 2, 2, 30, 3, 3, 1, 1},
                               {n, 5, 2, 2, 16, 3, 3, 1, 1},
                               {n, 5, 4, 4, 48, 3, 3, 1, 0},
                               {n, 5, 2, 2, 32, 3, 3, 2, 2}})
      check_against_loops(s);
  check_against_loops({50, 5, 2, 2, 80, 3, 3, 1, 1});    // several chunks of 2x2 pixels
  check_against_loops({17, 40, 3, 40, 16, 3, 3, 1, 1});  // long rows
  check_conv_gradient({17, 5, 4, 4, 16, 3, 3, 1, 1}, true, false, true);
  check_conv_gradient({17, 5, 4, 4, 16, 3, 3, 1, 1}, true, true, true);
}

TEST_CASE("conv2d: 2x2 pixels, whose zeros all around are left out, unless they are pooled") {
  for (const int n : {1, 17})
    for (const int channels : {1, 3, 4, 7, 21})
      check_against_loops({n, channels, 2, 2, 13, 3, 3, 1, 1});
  check_conv_gradient({17, 5, 2, 2, 6, 3, 3, 1, 1}, true, false, true);
  check_conv_gradient({17, 5, 2, 2, 6, 3, 3, 1, 1}, true, true, true);
}

TEST_CASE("conv2d: few input channels, whose weight gradient reads the output's where it lies") {
  check_against_loops({20, 3, 20, 16, 11, 3, 3, 1, 1});
  check_against_loops({2, 4, 7, 66, 3, 3, 3, 1, 0});
  check_against_loops({17, 1, 5, 130, 2, 3, 3, 1, 1});
  // Through ReLU and pooling, as an output that is cut off and pooled apart.
  for (const bool pool : {false, true}) {
    Tensor x = random_tensor({18, 3, 12, 20}, 25);
    Parameter one(random_tensor({9, 3, 3, 3}, 26)), two(one.clone());
    Parameter bias(random_tensor({9}, 27)), bias_two(bias.clone());
    sum(conv2d(x, one, bias, {.padding = 1, .relu = true, .max_pool = pool})).backward();
    const Tensor y = relu(conv2d(x, two, bias_two, {.padding = 1}));
    sum(pool ? max_pool2d(y) : y).backward();
    check_near(one.grad(), doubles(two.grad()), "dw");
    check_near(bias.grad(), doubles(bias_two.grad()), "db");
  }
}

TEST_CASE("conv2d: tiny planes, whose weight gradient is one matrix product") {
  check_against_loops({19, 12, 2, 2, 70, 3, 3, 1, 1});
  check_against_loops({5, 70, 1, 1, 64, 1, 1, 1, 0});
  check_against_loops({33, 9, 4, 3, 65, 3, 3, 2, 1});
  // Through ReLU and pooling, as on planes that the direct kernel takes.
  for (const bool pool : {false, true}) {
    Tensor x = random_tensor({18, 8, 2, 2}, 22);
    Parameter one(random_tensor({64, 8, 3, 3}, 23)), two(one.clone());
    const auto mask = [&] {
      std::vector<std::uint8_t> mask(one.numel());
      for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0;
      return mask;
    }();
    one.set_mask(mask);
    two.set_mask(mask);
    const Tensor bias = random_tensor({64}, 24);
    sum(conv2d(x, one, bias, {.padding = 1, .relu = true, .max_pool = pool})).backward();
    const Tensor y = relu(conv2d(x, two, bias, {.padding = 1}));
    sum(pool ? max_pool2d(y) : y).backward();
    CHECK(one.unmasked_grad().to_vector() == two.grad().to_vector());
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (!mask[i]) REQUIRE(one.unmasked_grad().data()[i] == 0);
  }
}

TEST_CASE("conv2d: relu and pooling in registers give what the separate operations give") {
  for (const int n : {1, 6, 19}) {
    const Tensor x = random_tensor({n, 3, 8, 6}, 8), w = random_tensor({7, 3, 3, 3}, 9);
    const Tensor b = random_tensor({7}, 10);
    const auto apart = max_pool2d(conv2d(x, w, b, {.padding = 1, .relu = true})).to_vector();
    const auto fused = conv2d(x, w, b, {.padding = 1, .relu = true, .max_pool = true}).to_vector();
    CHECK(apart == fused);
  }
}

TEST_CASE("conv2d: a NaN in the input or the weights reaches the pooled output") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto has_nan = [](const Tensor& y) {
    const auto values = y.to_vector();
    return std::any_of(values.begin(), values.end(), [](float v) { return std::isnan(v); });
  };
  for (int pixel = 0; pixel < 16; ++pixel) {
    Tensor x = Tensor::full({20, 1, 4, 4}, 1), w = Tensor::full({1, 1, 3, 3}, 1);
    x.mutable_data()[pixel] = nan;
    CHECK(has_nan(conv2d(x, w, {}, {.padding = 1, .relu = true, .max_pool = true})));
    CHECK(has_nan(conv2d(x, Tensor::full({1, 1, 1, 1}, 1), {}, {.relu = true, .max_pool = true})));
  }
}

TEST_CASE("conv2d: the gradient of a masked weight is zero where the mask is") {
  Parameter w(random_tensor({5, 3, 3, 3}, 11));
  std::vector<std::uint8_t> mask(w.numel());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0;
  w.set_mask(mask);
  sum(conv2d(random_tensor({17, 3, 6, 6}, 12), w, {}, {.padding = 1})).backward();
  const auto gradient = w.grad().to_vector();
  for (std::size_t i = 0; i < mask.size(); ++i) CHECK((gradient[i] != 0) == (mask[i] == 1));
}

TEST_CASE("conv2d: a parameter's rearranged weights follow its values") {
  NoGrad off;
  Parameter w(random_tensor({5, 3, 3, 3}, 13));
  const Tensor x = random_tensor({9, 3, 6, 6}, 14);
  const auto before = conv2d(x, w).to_vector();
  for (std::int64_t i = 0; i < w.numel(); ++i) w.mutable_data()[i] *= 2;
  const auto after = conv2d(x, w).to_vector();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == 2 * before[i]);
}

TEST_CASE("conv2d: the same bits with one thread and with two") {
  const auto gradients = [](int threads, int side, int outputs) {
    const int before = num_threads();
    set_num_threads(threads);
    Tensor x = random_tensor({40, 6, side, side}, 15).set_requires_grad();
    Parameter w(random_tensor({outputs, 6, 3, 3}, 16)), b(random_tensor({outputs}, 17));
    sum(conv2d(x, w, b, {.padding = 1, .relu = true, .max_pool = true})).backward();
    set_num_threads(before);
    return std::vector<std::vector<float>>{x.grad().to_vector(), w.grad().to_vector(),
                                           b.grad().to_vector()};
  };
  CHECK(gradients(1, 8, 10) == gradients(2, 8, 10));
  CHECK(gradients(1, 2, 70) == gradients(2, 2, 70));
}

TEST_CASE("conv2d: errors name what was found and expected") {
  const Tensor x = random_tensor({2, 3, 8, 8}, 18), w = random_tensor({4, 5, 3, 3}, 19);
  CHECK_THROWS_WITH_AS(conv2d(x, w),
                       "conv2d: found input of shape [2, 3, 8, 8], expected [N, 5, H, W]", Error);
  const Tensor fits = random_tensor({4, 3, 3, 3}, 20);
  CHECK_THROWS_AS(conv2d(x, fits, random_tensor({5}, 21)), Error);
  CHECK_THROWS_AS(conv2d(x, fits, {}, {.stride = 0}), Error);
  CHECK_THROWS_AS(conv2d(x, fits, {}, {.max_pool = true}), Error);
  CHECK_THROWS_AS(conv2d(random_tensor({2, 3, 7, 8}, 22), fits, {},
                         {.padding = 1, .relu = true, .max_pool = true}),
                  Error);
  CHECK_THROWS_AS(conv2d(random_tensor({2, 3, 2, 2}, 23), fits), Error);
}
