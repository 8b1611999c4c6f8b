// Broadcasting: how two shapes fit, and the way back.
#include "core/ops/broadcast.h"

#include "core/error.h"
#include "core/ops/sums.h"

namespace espalier {
namespace {

// The size at a position counted from the end, as if the shape had more leading ones.
std::int64_t size_from_end(const Shape& shape, int position) {
  return position < shape.rank() ? shape[shape.rank() - 1 - position] : 1;
}

}  // namespace

Broadcast::Broadcast(Op op, const Shape& a, const Shape& b) : shape(a.rank() >= b.rank() ? a : b) {
  int count = 0;  // of loops; these are found from the innermost on, and turned round at the end
  std::int64_t a_size = 1, b_size = 1;  // of what lies within
  for (int i = 0; i < shape.rank(); ++i) {
    const std::int64_t in_a = size_from_end(a, i), in_b = size_from_end(b, i);
    if (in_a != in_b && in_a != 1 && in_b != 1)
      fail(name(op), ": found shapes ", a.str(), " and ", b.str(),
           ", expected sizes that are equal or 1, counted from the last");
    const std::int64_t n = in_a == 1 ? in_b : in_a;
    shape.set(-1 - i, n);
    if (n == 1) continue;
    const std::int64_t a_next = in_a == 1 ? 0 : a_size, b_next = in_b == 1 ? 0 : b_size;
    if (count > 0 && a_next == a_step[count - 1] * size[count - 1] &&
        b_next == b_step[count - 1] * size[count - 1]) {
      size[count - 1] *= n;
    } else {
      size[count] = n;
      a_step[count] = a_next;
      b_step[count] = b_next;
      ++count;
    }
    a_size *= in_a;
    b_size *= in_b;
  }
  if (count > 0) loops = count;
  std::reverse(size, size + loops);
  std::reverse(a_step, a_step + loops);
  std::reverse(b_step, b_step + loops);
}

void sum_to(const float* g, const Shape& shape, const Shape& target, const GradOut& to) {
  // Neighbouring dimensions that are both summed, or both kept, count as one.
  struct Group {
    std::int64_t size;
    bool summed;
  } groups[kMaxRank];
  int count = 0, to_sum = 0;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    const std::int64_t n = size_from_end(shape, i);
    const bool summed = n != size_from_end(target, i);
    if (n == 1) continue;
    if (count > 0 && groups[count - 1].summed == summed) {
      groups[count - 1].size *= n;
    } else {
      groups[count++] = {n, summed};
      to_sum += summed;
    }
  }
  Tensor held;  // between two sums
  for (int i = 0; i < count; ++i) {
    if (!groups[i].summed) continue;
    std::int64_t outer = 1, inner = 1;
    for (int k = 0; k < count; ++k) (k < i ? outer : inner) *= k == i ? 1 : groups[k].size;
    if (--to_sum == 0) return sum_middle(g, outer, groups[i].size, inner, to.data, to.add);
    Tensor sums = Tensor::empty({outer, inner});
    sum_middle(g, outer, groups[i].size, inner, sums.mutable_data(), false);
    held = sums;
    g = held.data();
    groups[i].size = 1;
  }
}

}  // namespace espalier
