// SparsePattern: where the weights of a sparse layer are, as compressed sparse rows (CSR). The
// values lie in a tensor of their own, one a position, so that optimisers, gradients and files need
// to know nothing of the pattern. A pattern never changes: a layer whose mask moves takes another.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace espalier {

class SparsePattern {
 public:
  // `dense` is the shape the weight would have, [O, I] or [O, C, KH, KW], seen as a matrix of O
  // rows. Row o holds the positions [row_starts[o], row_starts[o + 1]), whose columns rise. An
  // Error says what is wrong with lists that do not fit.
  SparsePattern(const Shape& dense, std::vector<std::uint32_t> row_starts,
                std::vector<std::uint32_t> columns);

  const Shape& dense() const { return dense_; }
  std::int64_t rows() const { return dense_[0]; }
  std::int64_t row_size() const { return dense_.numel() / dense_[0]; }  // columns of the matrix
  std::int64_t nonzero() const { return static_cast<std::int64_t>(columns_.size()); }
  double density() const;
  std::span<const std::uint32_t> row_starts() const { return row_starts_; }  // O + 1
  std::span<const std::uint32_t> columns() const { return columns_; }        // c KH KW + ky KW + kx

  // Calls f(i, element) for position i and the element of the dense weight that it stands for.
  template <class F>
  void each(const F& f) const {
    for (std::int64_t o = 0; o < rows(); ++o)
      for (std::uint32_t i = row_starts_[o]; i < row_starts_[o + 1]; ++i)
        f(std::int64_t{i}, o * row_size() + columns_[i]);
  }

  // What a kernel derives from the pattern, kept with it: made by whoever needs it first. Calls
  // use(D&), one thread at a time; a D is made from the pattern.
  struct Derived {
    virtual ~Derived() = default;
  };
  template <class D, class Use>
  decltype(auto) derived(const Use& use) const {
    const std::lock_guard lock(kept_.mutex);
    if (!kept_.derived) kept_.derived = std::make_unique<D>(*this);
    return use(static_cast<D&>(*kept_.derived));
  }

 private:
  struct Kept {
    Kept() = default;
    Kept(const Kept&) {}  // a copy of the pattern begins with nothing
    std::mutex mutex;
    std::unique_ptr<Derived> derived;
  };
  Shape dense_;
  std::vector<std::uint32_t> row_starts_, columns_;
  mutable Kept kept_;
};
using Pattern = std::shared_ptr<const SparsePattern>;

// The positions where `kept` is not 0; one byte an element of the dense weight, in row-major order.
Pattern pattern_of(const Shape& dense, std::span<const std::uint8_t> kept);

// All positions. Made once for each shape.
Pattern full_pattern(const Shape& dense);

// The values of a dense weight at the pattern's positions, [nonzero]; and back, zeros elsewhere.
Tensor gather(const Tensor& dense, const SparsePattern& pattern);
Tensor scatter(const Tensor& values, const SparsePattern& pattern);

}  // namespace espalier
