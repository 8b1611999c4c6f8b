// Shapes: up to four dimensions kept inline, so that a shape costs no allocation.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace espalier {

inline constexpr int kMaxRank = 4;

// The logical sizes of a tensor, outermost first: [N, C, H, W] for images, [N, F] for features.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(sizes.begin(), sizes.size()) {}
  explicit Shape(const std::vector<std::int64_t>& sizes) : Shape(sizes.data(), sizes.size()) {}

  int rank() const { return rank_; }
  // Negative positions count from the end; an error names the shape where there is none such.
  std::int64_t operator[](int dim) const { return sizes_[index(dim)]; }
  void set(int dim, std::int64_t size) { sizes_[index(dim)] = size; }
  std::int64_t numel() const;  // product of the sizes; 1 for rank 0
  std::string str() const;     // "[128, 3, 32, 32]"
  std::vector<std::int64_t> sizes() const { return {sizes_, sizes_ + rank_}; }
  int index(int dim) const;      // the position that dim names, 0 <= result < rank
  Shape without(int dim) const;  // the other sizes

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  Shape(const std::int64_t* sizes, std::size_t rank);

  std::int64_t sizes_[kMaxRank] = {};  // zeros beyond the rank
  int rank_ = 0;
};

}  // namespace espalier
