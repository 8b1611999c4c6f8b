// Products of a sparse matrix with features that have the images innermost: [F][columns], as they
// lie in lanes. Outputs stay in registers while the positions of a row pass by, and the features
// that these meet stay in the first-level cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace espalier {

// The positions of a sparse matrix in the order in which the kernels go through them: by groups of
// rows, whose sums fit the second-level cache, and in each by blocks of features. What a row has in
// a block is a run; runs of the same length lie together, so that the processor foresees their end.
struct SparseRuns {
  static constexpr int kBlock = 64;      // features
  static constexpr int kMostRows = 256;  // of a group

  struct Run {
    std::uint32_t row, count;
    std::uint32_t start;  // of its values
  };
  // Of matrix rows [row_starts[o], row_starts[o + 1]) with rising columns below `features`.
  SparseRuns(std::span<const std::uint32_t> row_starts, std::span<const std::uint32_t> columns,
             std::int64_t features);

  std::int64_t rows, features;
  int groups, blocks, group_rows;
  std::vector<Run> runs;
  std::vector<std::uint8_t> in_block;  // feature - first feature of the block, run by run
  std::vector<std::uint32_t> first_run, first_in_block;  // of each [group][block], and the end
};

// y [rows][columns] (+)= matrix x [features][columns], with columns a multiple of the lanes and
// memory aligned to a vector. Parallel inside.
struct SparseProduct {
  const SparseRuns* runs;
  const float* values;
  const float* x;
  float* y;
  std::int64_t columns;
  const float* bias;  // what a row begins with; null: zero
  bool add;           // to what y holds; then without a bias
};
void run(const SparseProduct& product);

// The same with 1 to 4 columns, straight from the matrix as it is.
struct SparseSmallProduct {
  std::span<const std::uint32_t> row_starts, columns;
  const float* values;
  const float* x;  // [features][images]
  float* y;        // [rows][images]
  int images;
  const float* bias;  // null: zero
};
inline constexpr int kMostSmallImages = 4;
void run(const SparseSmallProduct& product);

// dw[i] (+)= sum over the columns of dy [rows][columns] times x [features][columns], for the row
// and the feature of each value i. Padding lanes of dy hold zeros. Parallel inside.
struct SparseProductGradient {
  const SparseRuns* runs;
  const float* x;
  const float* dy;
  std::int64_t columns;
  float* dw;
  bool add;
};
void run(const SparseProductGradient& pass);

}  // namespace espalier
