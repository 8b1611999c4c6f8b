// Whole rows are listed, their ends included: a line that is missed costs as much as a hundred
// multiply-adds.
#include "core/kernels/input_lines.h"

#include <algorithm>

#include "core/simd.h"

namespace espalier {

InputLines::InputLines(const WeightPass& pass, const ChunkPlan& chunks)
    : pass_(pass),
      chunks_(chunks),
      step_y_(static_cast<int>(pass.in_step_y / pass.in_row)),
      step_x_(static_cast<int>(pass.in_step_x / kLanes)),
      width_((chunks.columns - 1) * step_x_ + pass.kernel_w),
      lines_(static_cast<std::int64_t>(chunks.chunk_rows) * pass.kernel_h * width_ +
             chunks.positions) {}

void InputLines::list(int chunk) {
  const std::int64_t first = static_cast<std::int64_t>(chunk) * chunks_.chunk_rows;
  const std::int64_t last = std::min(first + chunks_.chunk_rows, chunks_.total_rows);
  std::int64_t* to = lines_.data();
  for (std::int64_t r = first; r < last; ++r) {
    const std::int64_t block = r / chunks_.rows, y = r % chunks_.rows;
    // Rows above were listed for the position above.
    const std::int64_t seen = y == 0 ? 0 : (y - 1) * step_y_ + pass_.kernel_h;
    for (std::int64_t row = std::max(seen, y * step_y_); row < y * step_y_ + pass_.kernel_h; ++row)
      for (int x = 0; x < width_; ++x)
        if (x % step_x_ < pass_.kernel_w)
          *to++ = block * pass_.in_block + row * pass_.in_row + std::int64_t{x} * kLanes;
  }
  count_ = static_cast<int>(to - lines_.data());
  std::fill_n(to, chunks_.positions, to[-1]);
}

}  // namespace espalier
