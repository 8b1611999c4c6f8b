// Rows of features in lanes: sums.
#include "core/ops/rows.h"

#include "core/parallel.h"

namespace espalier {

void add_rows(const float* dy, std::int64_t rows, std::int64_t columns, const GradOut& to) {
  constexpr std::int64_t kGrain = 16384;  // floats
  parallel_ranges(rows, kGrain / (columns + 1) + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      constexpr int kSums = 16;  // that do not wait for each other
      const float* row = dy + o * columns;
      double sums[kSums] = {}, sum = 0;
      std::int64_t i = 0;
      for (; i + kSums <= columns; i += kSums)
        for (int s = 0; s < kSums; ++s) sums[s] += row[i + s];
      for (; i < columns; ++i) sum += row[i];
      for (const double part : sums) sum += part;
      to.data[o] = static_cast<float>(to.add ? to.data[o] + sum : sum);
    }
  });
}

}  // namespace espalier
