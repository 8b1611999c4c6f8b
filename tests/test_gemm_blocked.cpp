// The blocked matrix product against plain loops: tails in every direction, all forms.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/kernels/gemm_blocked.h"
#include "core/parallel.h"
#include "core/tensor.h"
#include "tests/gradcheck.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

struct Sides {
  int m, n, k;
};

// Operands in memory of just their size, so that the sanitizers see a step beyond.
struct Operands {
  Operands(const Sides& s, bool ta, bool tb)
      : a(random_tensor(ta ? Shape{s.k, s.m} : Shape{s.m, s.k}, 1)),
        b(random_tensor(tb ? Shape{s.n, s.k} : Shape{s.k, s.n}, 2)),
        c(random_tensor({s.m, s.n}, 3)) {}
  Product product(bool ta, bool tb, bool add) {
    return {ta,        tb,       c.size(0), c.size(1),        a.size(ta ? 0 : 1), a.data(),
            a.size(1), b.data(), b.size(1), c.mutable_data(), c.size(1),          add};
  }
  Tensor a, b, c;
};

double worst_error(const Sides& s, bool ta, bool tb, bool add) {
  Operands o(s, ta, tb);
  const std::vector<float> before = o.c.to_vector();
  run_blocked(o.product(ta, tb, add));
  double worst = 0;
  for (int i = 0; i < s.m; ++i)
    for (int j = 0; j < s.n; ++j) {
      const std::int64_t at = static_cast<std::int64_t>(i) * s.n + j;
      double sum = add ? before[at] : 0;
      for (int l = 0; l < s.k; ++l)
        sum += static_cast<double>(o.a.data()[ta ? l * s.m + i : i * s.k + l]) *
               o.b.data()[tb ? j * s.k + l : l * s.n + j];
      worst = std::max(worst, std::abs(sum - o.c.data()[at]));
    }
  return worst;
}

}  // namespace

TEST_CASE("gemm in blocks: every form against plain loops on awkward shapes") {
  for (const Sides& s : {Sides{1, 1, 1},
                         {8, 48, 128},
                         {9, 49, 129},
                         {23, 97, 17},
                         {40, 16, 300},
                         {15, 130, 260},
                         {301, 33, 31},
                         {7, 500, 20}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const bool add : {false, true}) {
          INFO("m ", s.m, " n ", s.n, " k ", s.k, " transposed ", ta, " ", tb, " add ", add);
          CHECK(worst_error(s, ta, tb, add) < 1e-6 * (s.k + 10));
        }
}

TEST_CASE("gemm in blocks: a result larger than the caches") {
  CHECK(worst_error({1024, 1040, 9}, false, true, false) < 1e-5);
}

TEST_CASE("gemm in blocks: the same bits with one thread and with two") {
  const auto product = [](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    Operands o({600, 70, 200}, true, false);
    run_blocked(o.product(true, false, false));
    set_num_threads(before);
    return o.c.to_vector();
  };
  CHECK(product(1) == product(2));
}
