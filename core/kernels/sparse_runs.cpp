// The order in which the sparse products go through a matrix.
#include <algorithm>

#include "core/kernels/sparse_linear.h"

namespace espalier {

SparseRuns::SparseRuns(std::span<const std::uint32_t> row_starts,
                       std::span<const std::uint32_t> columns, std::int64_t features)
    : rows(static_cast<std::int64_t>(row_starts.size()) - 1), features(features) {
  // Some groups for each thread, but large ones: each reads all features.
  group_rows = static_cast<int>(std::clamp<std::int64_t>((rows + 3) / 4, 1, kMostRows));
  groups = static_cast<int>((rows + group_rows - 1) / group_rows);
  blocks = static_cast<int>((features + kBlock - 1) / kBlock);

  std::vector<std::uint32_t> next(row_starts.begin(), row_starts.end() - 1);
  in_block.reserve(columns.size());
  for (int g = 0; g < groups; ++g) {
    const std::int64_t last = std::min<std::int64_t>(rows, (g + 1) * std::int64_t{group_rows});
    for (int b = 0; b < blocks; ++b) {
      const std::size_t begin = runs.size();
      first_run.push_back(static_cast<std::uint32_t>(begin));
      first_in_block.push_back(static_cast<std::uint32_t>(in_block.size()));
      for (std::int64_t o = g * std::int64_t{group_rows}; o < last; ++o) {
        const std::uint32_t start = next[o];
        while (next[o] < row_starts[o + 1] &&
               columns[next[o]] / kBlock == static_cast<std::uint32_t>(b))
          ++next[o];
        if (next[o] > start)
          runs.push_back({static_cast<std::uint32_t>(o), next[o] - start, start});
      }
      std::stable_sort(runs.begin() + static_cast<std::ptrdiff_t>(begin), runs.end(),
                       [](const Run& a, const Run& b) { return a.count < b.count; });
      for (std::size_t r = begin; r < runs.size(); ++r)
        for (std::uint32_t k = 0; k < runs[r].count; ++k)
          in_block.push_back(static_cast<std::uint8_t>(columns[runs[r].start + k] -
                                                       static_cast<std::uint32_t>(b * kBlock)));
    }
  }
  first_run.push_back(static_cast<std::uint32_t>(runs.size()));
  first_in_block.push_back(static_cast<std::uint32_t>(in_block.size()));
}

}  // namespace espalier
