// Shapes: checks on making one, and its text.
#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace espalier {

Shape::Shape(const std::int64_t* sizes, std::size_t rank) {
  check(rank <= kMaxRank, "shape: found ", rank, " dimensions, expected at most ", kMaxRank);
  rank_ = static_cast<int>(rank);
  for (int i = 0; i < rank_; ++i) {
    check(sizes[i] >= 0, "shape: found size ", sizes[i], " in dimension ", i,
          ", expected 0 or more");
    sizes_[i] = sizes[i];
  }
}

std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  bool fits = true, none = false;
  for (int i = 0; i < rank_; ++i) {
    none = none || sizes_[i] == 0;
    fits = !__builtin_mul_overflow(product, sizes_[i], &product) && fits;
  }
  if (none) return 0;
  if (!fits) [[unlikely]]
    fail("shape ", str(), ": found more elements than a tensor can have");
  return product;
}

int Shape::index(int dim) const {
  const int position = dim < 0 ? dim + rank_ : dim;
  if (position < 0 || position >= rank_)
    fail("shape ", str(), ": found dimension ", dim, ", expected one of its ", rank_);
  return position;
}

Shape Shape::without(int dim) const {
  std::int64_t others[kMaxRank] = {};
  const auto end = std::copy_n(sizes_, index(dim), others);
  std::copy(sizes_ + index(dim) + 1, sizes_ + rank_, end);
  return Shape(others, static_cast<std::size_t>(rank_ - 1));
}

std::string Shape::str() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) text += (i ? ", " : "") + std::to_string(sizes_[i]);
  return text + "]";
}

}  // namespace espalier
