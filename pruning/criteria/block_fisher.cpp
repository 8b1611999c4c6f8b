// Blocks of F: outer products summed up in floats, inverted in doubles.
#include "pruning/criteria/block_fisher.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"

namespace espalier::pruning {
namespace {

constexpr std::int64_t kGrain = 32;    // blocks that a thread takes at a time
constexpr std::int64_t kColumns = 16;  // whole vectors of any processor

// a [n, n], symmetric and positive definite, becomes its inverse (Gauss and Jordan; such a matrix
// needs no exchange of rows).
bool invert(double* a, std::int64_t n) {
  for (std::int64_t p = 0; p < n; ++p) {
    double* const pivots = a + p * n;
    if (!(pivots[p] > 0) || !std::isfinite(pivots[p])) return false;
    const double factor = 1 / pivots[p];
    pivots[p] = 1;
#pragma omp simd
    for (std::int64_t j = 0; j < n; ++j) pivots[j] *= factor;
    for (std::int64_t i = 0; i < n; ++i) {
      double* const row = a + i * n;
      const double f = row[p];
      if (i == p || f == 0) continue;
      row[p] = 0;
#pragma omp simd
      for (std::int64_t j = 0; j < n; ++j) row[j] -= f * pivots[j];
    }
  }
  return true;
}

}  // namespace

BlockFisher::BlockFisher(std::int64_t elements, int block, double damping)
    : elements_(elements), block_(block), damping_(damping) {
  check(block >= 1, "block of the Fisher information: found ", block,
        " weights, expected 1 or more");
  check(damping > 0 && std::isfinite(damping), "damping of the Fisher information: found ", damping,
        ", expected a number above 0");
  values_ = std::make_unique_for_overwrite<float[]>(blocks() * block_ * block_);
  parallel_ranges(blocks(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::fill(this->block(begin), this->block(end), 0.0f);
  });
}

std::int64_t BlockFisher::size(std::int64_t b) const {
  return std::min(block_, elements_ - b * block_);
}

void BlockFisher::add(const float* gradients, std::int64_t count, std::int64_t stride) {
  count_ += count;
  parallel_ranges(blocks(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t n = size(b);
      const float* const g = gradients + b * block_;
      for (std::int64_t i = 0; i < n; ++i) {
        float* const row = block(b) + i * block_;
        // Half of a symmetric matrix, up to the vector that holds the diagonal.
        const std::int64_t columns = std::min(n, (i / kColumns + 1) * kColumns);
        for (std::int64_t k = 0; k < count; ++k) {
          const float* const gk = g + k * stride;
          const float gi = gk[i];
          if (gi == 0) continue;  // masked, or behind a silent unit
#pragma omp simd
          for (std::int64_t j = 0; j < columns; ++j) row[j] += gi * gk[j];
        }
      }
    }
  });
}

bool BlockFisher::invert() {
  std::atomic<bool> done = true;
  const double share = 1 / static_cast<double>(std::max<std::int64_t>(count_, 1));
  parallel_ranges(blocks(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> scratch(static_cast<std::size_t>(block_ * block_));
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t n = size(b);
      float* const f = block(b);
      double* const a = scratch.data();
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j <= i; ++j)
          a[i * n + j] = a[j * n + i] = share * f[i * block_ + j] + (i == j ? damping_ : 0);
      if (!pruning::invert(a, n)) done = false;
      // Exactly symmetric again, whatever the rounding.
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j <= i; ++j)
          f[i * block_ + j] = f[j * block_ + i] = static_cast<float>(a[i * n + j]);
    }
  });
  return done;
}

double BlockFisher::inverse_diagonal(std::int64_t i) const {
  const std::int64_t within = i % block_;
  return block(i / block_)[within * block_ + within];
}

bool BlockFisher::remove(float* weights, const std::uint8_t* mask, const std::uint8_t* kept) const {
  std::atomic<bool> done = true;
  parallel_ranges(blocks(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> go;
    std::vector<double> a, x;
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t first = b * block_, n = size(b);
      const float* const inverse = block(b);
      const auto in = [&](std::int64_t i) { return !mask || mask[first + i]; };
      go.clear();
      for (std::int64_t i = 0; i < n; ++i)
        if (in(i) && !kept[first + i]) go.push_back(i);
      const auto s = static_cast<std::int64_t>(go.size());
      if (s == 0) continue;
      a.resize(s * s);
      for (std::int64_t p = 0; p < s; ++p)
        for (std::int64_t q = 0; q < s; ++q) a[p * s + q] = inverse[go[p] * block_ + go[q]];
      if (!pruning::invert(a.data(), s)) done = false;
      x.assign(s, 0);
      for (std::int64_t p = 0; p < s; ++p)
        for (std::int64_t q = 0; q < s; ++q) x[p] += a[p * s + q] * weights[first + go[q]];
      for (std::int64_t i = 0; i < n; ++i) {
        if (!in(i) || !kept[first + i]) continue;
        double move = 0;
        for (std::int64_t p = 0; p < s; ++p) move += inverse[i * block_ + go[p]] * x[p];
        weights[first + i] = static_cast<float>(weights[first + i] - move);
      }
      for (const std::int64_t i : go) weights[first + i] = 0;
    }
  });
  return done;
}

}  // namespace espalier::pruning
