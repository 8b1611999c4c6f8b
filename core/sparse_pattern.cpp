// SparsePattern: checks, and the ways from and to dense weights.
#include "core/sparse_pattern.h"

#include <limits>

#include "core/error.h"

namespace espalier {
namespace {

void check_dense(const Shape& dense) {
  check((dense.rank() == 2 || dense.rank() == 4) && dense.numel() > 0,
        "sparse pattern: found a weight of shape ", dense.str(),
        ", expected [O, I] or [O, C, KH, KW]");
  check(dense.numel() <= std::numeric_limits<std::int32_t>::max(),
        "sparse pattern: found a weight of shape ", dense.str(),
        ", expected fewer than 2^31 elements");
}

}  // namespace

SparsePattern::SparsePattern(const Shape& dense, std::vector<std::uint32_t> row_starts,
                             std::vector<std::uint32_t> columns)
    : dense_(dense), row_starts_(std::move(row_starts)), columns_(std::move(columns)) {
  check_dense(dense_);
  check(static_cast<std::int64_t>(row_starts_.size()) == rows() + 1, "sparse pattern: found ",
        row_starts_.size(), " row starts, expected ", rows() + 1, " for ", rows(), " rows");
  check(row_starts_.front() == 0 && row_starts_.back() == columns_.size(),
        "sparse pattern: found rows from ", row_starts_.front(), " to ", row_starts_.back(),
        ", expected 0 to the ", columns_.size(), " positions there are");
  // First all starts, then the columns: a start out of range must not be followed.
  for (std::int64_t o = 0; o < rows(); ++o)
    check(row_starts_[o] <= row_starts_[o + 1], "sparse pattern: found row ", o, " from ",
          row_starts_[o], " to ", row_starts_[o + 1], ", expected starts that do not fall");
  for (std::int64_t o = 0; o < rows(); ++o)
    for (std::uint32_t i = row_starts_[o]; i < row_starts_[o + 1]; ++i) {
      check(columns_[i] < row_size(), "sparse pattern: found column ", columns_[i], " in row ", o,
            ", expected less than ", row_size());
      if (i > row_starts_[o] && columns_[i - 1] >= columns_[i]) [[unlikely]]
        fail("sparse pattern: found column ", columns_[i], " after ", columns_[i - 1], " in row ",
             o, ", expected rising columns");
    }
}

double SparsePattern::density() const {
  return static_cast<double>(nonzero()) / static_cast<double>(dense_.numel());
}

Pattern pattern_of(const Shape& dense, std::span<const std::uint8_t> kept) {
  check_dense(dense);
  check(static_cast<std::int64_t>(kept.size()) == dense.numel(), "sparse pattern: found a mask of ",
        kept.size(), " elements, expected ", dense.numel());
  const std::int64_t rows = dense[0], row_size = dense.numel() / rows;
  std::vector<std::uint32_t> starts = {0}, columns;
  for (std::int64_t o = 0; o < rows; ++o) {
    for (std::int64_t c = 0; c < row_size; ++c)
      if (kept[o * row_size + c]) columns.push_back(static_cast<std::uint32_t>(c));
    starts.push_back(static_cast<std::uint32_t>(columns.size()));
  }
  return std::make_shared<const SparsePattern>(dense, std::move(starts), std::move(columns));
}

Pattern full_pattern(const Shape& dense) {
  constexpr std::size_t kMost = 64;  // as many as networks have; the oldest goes first
  static std::mutex mutex;
  static std::vector<Pattern> patterns;
  const std::lock_guard lock(mutex);
  for (const Pattern& pattern : patterns)
    if (pattern->dense() == dense) return pattern;
  if (patterns.size() == kMost) patterns.erase(patterns.begin());
  const std::vector<std::uint8_t> all(static_cast<std::size_t>(dense.numel()), 1);
  return patterns.emplace_back(pattern_of(dense, all));
}

Tensor gather(const Tensor& dense, const SparsePattern& pattern) {
  check(dense.shape() == pattern.dense(), "sparse pattern: found a weight of shape ",
        dense.shape().str(), ", expected ", pattern.dense().str());
  check(dense.layout().plain(), "sparse pattern: found a weight in lanes, expected a plain one");
  Tensor values = Tensor::empty({pattern.nonzero()});
  const float* from = dense.data();
  float* to = values.mutable_data();
  pattern.each([&](std::int64_t i, std::int64_t element) { to[i] = from[element]; });
  return values;
}

Tensor scatter(const Tensor& values, const SparsePattern& pattern) {
  check(values.shape() == Shape{pattern.nonzero()}, "sparse pattern: found values of shape ",
        values.shape().str(), ", expected [", pattern.nonzero(), "]");
  Tensor dense = Tensor::zeros(pattern.dense());
  const float* from = values.data();
  float* to = dense.mutable_data();
  pattern.each([&](std::int64_t i, std::int64_t element) { to[element] = from[i]; });
  return dense;
}

}  // namespace espalier
