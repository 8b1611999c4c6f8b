// Convolutions with groups, dilation, and strides and paddings that differ: every combination
// against plain loops, forward and back, with dense weights and with weights in CSR.
#include <doctest/doctest.h>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/conv.h"
#include "core/ops/layout.h"
#include "core/ops/reduce.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

struct Case {
  std::int64_t images, channels, height, width, outputs, kernel_h, kernel_w;
  ConvOptions options;
};

std::int64_t positions(std::int64_t size, int before, int after, std::int64_t kernel, int stride,
                       int dilation) {
  return (size + before + after - dilation * (kernel - 1) - 1) / stride + 1;
}

// In double precision, the definition itself.
Values reference(const Case& c, const std::vector<Values>& in) {
  const ConvOptions& o = c.options;
  const std::int64_t of_group = c.channels / o.groups, outputs = c.outputs / o.groups;
  const std::int64_t rows =
      positions(c.height, o.padding.top, o.padding.bottom, c.kernel_h, o.stride.y, o.dilation.y);
  const std::int64_t columns =
      positions(c.width, o.padding.left, o.padding.right, c.kernel_w, o.stride.x, o.dilation.x);
  Values y;
  for (std::int64_t n = 0; n < c.images; ++n)
    for (std::int64_t k = 0; k < c.outputs; ++k)
      for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t column = 0; column < columns; ++column) {
          double sum = in.size() > 2 ? in[2][k] : 0;
          for (std::int64_t i = 0; i < of_group; ++i)
            for (std::int64_t ky = 0; ky < c.kernel_h; ++ky)
              for (std::int64_t kx = 0; kx < c.kernel_w; ++kx) {
                const std::int64_t py = row * o.stride.y + ky * o.dilation.y - o.padding.top;
                const std::int64_t px = column * o.stride.x + kx * o.dilation.x - o.padding.left;
                if (py < 0 || px < 0 || py >= c.height || px >= c.width) continue;
                const std::int64_t channel = k / outputs * of_group + i;
                sum += in[1][((k * of_group + i) * c.kernel_h + ky) * c.kernel_w + kx] *
                       in[0][((n * c.channels + channel) * c.height + py) * c.width + px];
              }
          y.push_back(o.relu && sum < 0 ? 0 : sum);
        }
  return y;
}

void check(const Case& c) {
  INFO("groups ", c.options.groups, " stride ", c.options.stride.y, "x", c.options.stride.x,
       " dilation ", c.options.dilation.y, "x", c.options.dilation.x);
  check_gradient(
      {.op = Op::Conv2d,
       .inputs = {random_tensor({c.images, c.channels, c.height, c.width}, 1),
                  random_tensor({c.outputs, c.channels / c.options.groups, c.kernel_h, c.kernel_w},
                                2),
                  random_tensor({c.outputs}, 3)},
       .operation = [&](const auto& in) { return conv2d(in[0], in[1], in[2], c.options); },
       .reference = [&](const auto& in) { return reference(c, in); }});
}

}  // namespace

TEST_CASE("conv2d: strides, paddings and kernels that differ down and across") {
  check({17, 2, 5, 6, 3, 3, 2, {.stride = {2, 1}, .padding = {1, 0}}});
  check({2, 3, 6, 5, 4, 3, 3, {.stride = {1, 3}, .padding = {0, 1, 2, 1}}});
  check({3, 2, 4, 4, 2, 3, 3, {.padding = {1, 2, 0, 0}}});
  check({17, 2, 2, 2, 2, 3, 3, {.padding = {2, 2, 0, 0}}});  // 2x2 pixels, but not around them
  check({17, 1, 2, 2, 2, 3, 3, {.padding = {0, 1, 2, 1}, .relu = true}});
}

TEST_CASE("conv2d: groups, from two to one for each channel") {
  check({17, 4, 4, 3, 4, 3, 3, {.padding = 1, .groups = 2}});
  check({3, 6, 4, 4, 9, 1, 1, {.groups = 3}});
  check({17, 5, 4, 4, 5, 3, 3, {.padding = 1, .groups = 5}});
  check({17, 5, 5, 4, 5, 3, 3, {.stride = 2, .padding = 1, .groups = 5}});
  check({2, 3, 5, 5, 6, 3, 3, {.stride = 2, .groups = 3, .relu = true}});
  check({1, 4, 7, 7, 4, 5, 5, {.padding = 2, .groups = 4}});
  check({17, 4, 8, 8, 4, 3, 3, {.padding = 1, .groups = 4, .halo = 0}});
  check({17, 4, 3, 4, 4, 3, 3, {.padding = 1, .groups = 2, .halo = 0}});
}

TEST_CASE("conv2d: taps apart from each other") {
  check({17, 2, 6, 5, 3, 3, 2, {.padding = 2, .dilation = 2}});
  check({2, 2, 7, 8, 2, 3, 3, {.stride = 2, .padding = {3, 2}, .dilation = {3, 2}}});
  check({3, 4, 6, 6, 4, 3, 3, {.padding = {2, 0, 2, 4}, .dilation = 2, .groups = 4}});
  check({2, 4, 6, 7, 4, 2, 3, {.stride = {3, 2}, .padding = 1, .dilation = {1, 2}, .groups = 2}});
}

TEST_CASE("conv2d: in CSR with groups and dilation, as with the dense weight") {
  for (const std::int64_t images : {1, 20})
    for (const ConvOptions& options :
         {ConvOptions{.padding = 1, .groups = 2},
          ConvOptions{.stride = 2, .padding = 1, .groups = 4},
          ConvOptions{.stride = {1, 2}, .padding = {2, 1, 0, 3}, .dilation = 2},
          ConvOptions{.padding = 1, .groups = 4, .relu = true, .max_pool = true}}) {
      Parameter dense(random_tensor({8, 4 / options.groups, 3, 3}, 2)), bias(random_tensor({8}, 3));
      std::vector<std::uint8_t> mask;
      for (std::int64_t i = 0; i < dense.numel(); ++i) mask.push_back(i % 3 != 0);
      dense.set_mask(mask);
      Parameter sparse(Tensor(dense).clone());
      sparse.set_mask(mask);
      sparse.to_csr();
      Tensor a = random_tensor({images, 4, 6, 8}, 4), b = a.clone();
      a.set_requires_grad(), b.set_requires_grad();
      const Tensor x = conv2d(a, dense, bias, options), y = conv2d(b, sparse, bias, options);
      const std::vector<float> found = y.to_vector(), expected = x.to_vector();
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4).scale(1));
      sum(x).backward();
      sum(y).backward();
      sparse.to_dense();
      const auto da = a.grad().to_vector(), db = b.grad().to_vector();
      for (std::size_t i = 0; i < da.size(); ++i)
        CHECK(db[i] == doctest::Approx(da[i]).epsilon(1e-4).scale(1));
      const NoGrad off;  // single images go another way
      CHECK(conv2d(b, dense, bias, options).shape() == x.shape());
    }
}

TEST_CASE("conv2d: single images, without the tape, as with it") {
  for (const ConvOptions& options :
       {ConvOptions{.stride = {2, 1}, .padding = {0, 1, 2, 1}}, ConvOptions{.groups = 2},
        ConvOptions{.stride = 2, .padding = 1, .groups = 4, .relu = true},
        ConvOptions{.padding = 2, .dilation = 2}, ConvOptions{.dilation = {1, 2}, .groups = 4}}) {
    const Tensor x = random_tensor({3, 4, 7, 9}, 1), bias = random_tensor({8}, 3);
    Parameter weight(random_tensor({8, 4 / options.groups, 3, 3}, 2));
    const std::vector<float> expected = conv2d(x, weight, bias, options).to_vector();
    const NoGrad off;
    const Tensor y = conv2d(x, weight, bias, options);
    CHECK(y.layout().lanes == 1);
    const std::vector<float> found = y.to_vector();
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4).scale(1));
  }
}

TEST_CASE("conv2d: groups that do not fit are refused") {
  const Tensor x = Tensor::zeros({2, 6, 4, 4});
  CHECK_THROWS_WITH_AS(conv2d(x, Tensor::zeros({6, 2, 3, 3}), {}, {.groups = 2}),
                       "conv2d: found input of shape [2, 6, 4, 4], expected [N, 4, H, W]", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, Tensor::zeros({5, 3, 3, 3}), {}, {.groups = 2}),
                       "conv2d: found weight of shape [5, 3, 3, 3], expected [O, C / groups, KH, "
                       "KW] with 2 groups",
                       Error);
  CHECK_THROWS_AS(conv2d(x, Tensor::zeros({6, 6, 3, 3}), {}, {.dilation = 0}), Error);
  CHECK_THROWS_AS(conv2d(x, Tensor::zeros({6, 6, 3, 3}), {}, {.dilation = 2}), Error);
}
