// The algebra of optimal brain surgeon against plain algebra in doubles.
#include "pruning/candidates.h"
#include "pruning/criteria/block_fisher.h"
#include "tests/test_optim.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

using Doubles = std::vector<double>;

// Solves a x = b, a [n, n], with exchange of rows.
Doubles solve(Doubles a, Doubles b) {
  const std::size_t n = b.size();
  for (std::size_t p = 0; p < n; ++p) {
    std::size_t best = p;
    for (std::size_t i = p; i < n; ++i)
      if (std::abs(a[i * n + p]) > std::abs(a[best * n + p])) best = i;
    for (std::size_t j = 0; j < n; ++j) std::swap(a[p * n + j], a[best * n + j]);
    std::swap(b[p], b[best]);
    for (std::size_t i = 0; i < n; ++i) {
      const double f = i == p ? 0 : a[i * n + p] / a[p * n + p];
      for (std::size_t j = 0; j < n; ++j) a[i * n + j] -= f * a[p * n + j];
      b[i] -= f * b[p];
    }
  }
  for (std::size_t i = 0; i < n; ++i) b[i] /= a[i * n + i];
  return b;
}

// damping I + mean of g g^T over gradients [count][n].
Doubles fisher_of(const std::vector<float>& g, std::size_t n, double damping) {
  Doubles f(n * n, 0);
  for (std::size_t k = 0; k < g.size(); k += n)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        f[i * n + j] += static_cast<double>(g[k + i]) * g[k + j] * static_cast<double>(n) /
                        static_cast<double>(g.size());
  for (std::size_t i = 0; i < n; ++i) f[i * n + i] += damping;
  return f;
}

BlockFisher inverse_of(const std::vector<float>& g, std::int64_t n, int block, double damping) {
  BlockFisher fisher(n, block, damping);
  fisher.add(g.data(), static_cast<std::int64_t>(g.size()) / n, n);
  REQUIRE(fisher.invert());
  return fisher;
}

}  // namespace

TEST_CASE("the inverse in blocks is what the Sherman-Morrison recursion gives") {
  const std::int64_t n = 37, block = 8, count = 8;
  const double damping = 0.01;
  std::vector<float> g = random_values(n * count, 1);
  for (std::int64_t k = 0; k < count; ++k) g[k * n + 11] = 0;  // masked
  BlockFisher fisher(n, block, damping);
  fisher.add(g.data(), 3, n);
  fisher.add(g.data() + 3 * n, 5, n);
  REQUIRE(fisher.invert());
  for (std::int64_t first = 0; first < n; first += block) {
    const std::int64_t size = std::min(block, n - first);
    Doubles inverse(size * size, 0);
    for (std::int64_t i = 0; i < size; ++i) inverse[i * size + i] = 1 / damping;
    for (std::int64_t k = 0; k < count; ++k) {
      const float* x = g.data() + k * n + first;
      Doubles v(size, 0);
      double below = static_cast<double>(count);
      for (std::int64_t i = 0; i < size; ++i)
        for (std::int64_t j = 0; j < size; ++j) v[i] += inverse[i * size + j] * x[j];
      for (std::int64_t i = 0; i < size; ++i) below += x[i] * v[i];
      for (std::int64_t i = 0; i < size; ++i)
        for (std::int64_t j = 0; j < size; ++j) inverse[i * size + j] -= v[i] * v[j] / below;
    }
    for (std::int64_t i = 0; i < size; ++i)
      CHECK(fisher.inverse_diagonal(first + i) ==
            doctest::Approx(inverse[i * size + i]).epsilon(1e-4));
  }
  CHECK(fisher.inverse_diagonal(11) == doctest::Approx(1 / damping));
}

TEST_CASE("OBD and OBS are exact on a quadratic") {
  const std::int64_t n = 9;
  const std::vector<float> g = random_values(n * 20, 2);
  const std::vector<float> w = random_values(n, 3);
  const double damping = 0.05;
  const Doubles f = fisher_of(g, n, damping);
  const auto loss = [&](const std::vector<float>& moved) {  // above its minimum in w
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        sum += (moved[i] - w[i]) * f[i * n + j] * (moved[j] - w[j]) / 2;
    return sum;
  };
  const BlockFisher single = inverse_of(g, n, 1, damping), whole = inverse_of(g, n, 16, damping);
  for (std::int64_t q = 0; q < n; ++q) {
    // Without an update the loss rises by 1/2 w^2 f; with it by w^2 / (2 [F^-1]).
    std::vector<float> cut = w;
    cut[q] = 0;
    CHECK(w[q] * w[q] / (2 * single.inverse_diagonal(q)) ==
          doctest::Approx(loss(cut)).epsilon(1e-5));
    Kept kept(n, 1);
    kept[q] = 0;
    std::vector<float> moved = w;
    REQUIRE(whole.remove(moved.data(), nullptr, kept.data()));
    const double least = w[q] * w[q] / (2 * whole.inverse_diagonal(q));
    CHECK(least == doctest::Approx(loss(moved)).epsilon(1e-4));
    CHECK(least < loss(cut));
    // In blocks of one nothing can move.
    moved = w;
    REQUIRE(single.remove(moved.data(), nullptr, kept.data()));
    CHECK(moved == cut);
  }
}

TEST_CASE("OBS on a linear layer is least squares solved again without the weights removed") {
  const std::int64_t n = 7, count = 25;
  const double damping = 1e-3;
  const std::vector<float> x = random_values(n * count, 4), y = random_values(count, 5);
  const Doubles h = fisher_of(x, n, damping);
  Doubles b(n, 0);
  for (std::int64_t k = 0; k < count; ++k)
    for (std::int64_t i = 0; i < n; ++i) b[i] += static_cast<double>(x[k * n + i]) * y[k] / count;
  const Doubles optimum = solve(h, b);
  const BlockFisher inverse = inverse_of(x, n, 7, damping);
  for (const Kept& kept :
       {Kept{1, 0, 1, 1, 1, 1, 1}, Kept{0, 1, 0, 1, 1, 0, 1}, Kept{0, 0, 0, 0, 1, 0, 0}}) {
    std::vector<float> w(optimum.begin(), optimum.end());
    REQUIRE(inverse.remove(w.data(), nullptr, kept.data()));
    Doubles part, right;
    for (std::int64_t i = 0; i < n; ++i) {
      if (!kept[i]) continue;
      right.push_back(b[i]);
      for (std::int64_t j = 0; j < n; ++j)
        if (kept[j]) part.push_back(h[i * n + j]);
    }
    const Doubles again = solve(part, right);
    for (std::int64_t i = 0, at = 0; i < n; ++i) {
      if (kept[i])
        CHECK(w[i] == doctest::Approx(again[at++]).epsilon(1e-5));
      else
        CHECK(w[i] == 0);
    }
  }
}

TEST_CASE("a Fisher information without an inverse is said, not used") {
  BlockFisher fisher(5, 4, 1e-4);
  const std::vector<float> g = {1, 2, 3, 4, INFINITY};
  fisher.add(g.data(), 1, 5);
  CHECK_FALSE(fisher.invert());
  CHECK(error_of([] { BlockFisher(5, 0, 1e-4); }).find("found 0 weights") != std::string::npos);
  CHECK(error_of([] { BlockFisher(5, 4, 0); }).find("expected a number above 0") !=
        std::string::npos);
}
