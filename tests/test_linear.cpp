// The fully connected layer and the matrix products beneath it.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/gemm.h"
#include "core/ops/linear.h"
#include "core/ops/reduce.h"
#include "core/parameter.h"
#include "tests/gradcheck.h"

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("linear: gradients by central differences") {
  for (const int n : {1, 5, 17})
    for (const bool with_bias : {false, true}) {
      constexpr int kInputs = 7, kOutputs = 5;
      std::vector<Tensor> inputs = {random_tensor({n, kInputs}, 1),
                                    random_tensor({kOutputs, kInputs}, 2)};
      if (with_bias) inputs.push_back(random_tensor({kOutputs}, 3));
      check_gradient({.op = Op::Linear,
                      .inputs = inputs,
                      .operation =
                          [=](const std::vector<Tensor>& in) {
                            return linear(in[0], in[1], with_bias ? in[2] : Tensor());
                          },
                      .reference =
                          [=](const std::vector<Values>& in) {
                            Values y(static_cast<std::size_t>(n) * kOutputs);
                            for (int i = 0; i < n; ++i)
                              for (int o = 0; o < kOutputs; ++o) {
                                double sum = with_bias ? in[2][o] : 0;
                                for (int k = 0; k < kInputs; ++k)
                                  sum += in[0][i * kInputs + k] * in[1][o * kInputs + k];
                                y[i * kOutputs + o] = sum;
                              }
                            return y;
                          }});
    }
}

TEST_CASE("gemm: every form against plain loops") {
  Rng rng(4);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const bool add : {false, true})
        for (const auto [m, n, k] : {std::array{1, 1, 1},
                                     {5, 1, 7},
                                     {3, 17, 2},
                                     {130, 65, 70},
                                     {2, 300, 260},
                                     {4, 3, 0},
                                     {700, 1, 400}}) {
          std::vector<float> a(m * k), b(k * n), c(m * n, 0.5f);
          for (float& v : a) v = rng.uniform(-1, 1);
          for (float& v : b) v = rng.uniform(-1, 1);
          gemm(ta, tb, m, n, k, a.data(), ta ? m : std::max(k, 1), b.data(),
               tb ? std::max(k, 1) : n, c.data(), n, add);
          double worst = 0;
          for (int i = 0; i < m; ++i)
            for (int j = 0; j < n; ++j) {
              double sum = add ? 0.5 : 0;
              for (int l = 0; l < k; ++l)
                sum += static_cast<double>(ta ? a[l * m + i] : a[i * k + l]) *
                       (tb ? b[j * k + l] : b[l * n + j]);
              worst = std::max(worst, std::abs(sum - c[i * n + j]));
            }
          INFO("m ", m, " n ", n, " k ", k, " transposed ", ta, " ", tb);
          CHECK(worst < 1e-5 * (k + 1));
        }
}

TEST_CASE("linear: the gradient of a masked weight reads as zero where the mask is") {
  Parameter w(random_tensor({5, 8}, 5));
  std::vector<std::uint8_t> mask(w.numel());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 4 != 1;
  w.set_mask(mask);
  sum(linear(random_tensor({6, 8}, 6), w)).backward();
  const auto gradient = w.grad().to_vector();
  for (std::size_t i = 0; i < mask.size(); ++i) CHECK((gradient[i] != 0) == (mask[i] == 1));
}

TEST_CASE("linear: errors name what was found and expected") {
  const Tensor w = random_tensor({4, 6}, 7);
  CHECK_THROWS_WITH_AS(linear(random_tensor({2, 5}, 8), w),
                       "linear: found input of shape [2, 5], expected [N, 6]", Error);
  CHECK_THROWS_AS(linear(random_tensor({2, 6}, 9), w, random_tensor({3}, 10)), Error);
  CHECK_THROWS_AS(linear(random_tensor({2, 3, 2}, 11), w), Error);
}
