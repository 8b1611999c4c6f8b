// Broadcasting as in NumPy: shapes are aligned at their last dimension, and a size of 1 is spread
// over the other's. Knows the loops, not what is computed in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/autograd.h"
#include "core/ops/map.h"

namespace espalier {

struct Broadcast {
  // An error names the operation and both shapes where they do not fit.
  Broadcast(Op op, const Shape& a, const Shape& b);

  Shape shape;  // of the result
  // The loops over the result, outermost first: neighbouring dimensions that both operands walk
  // through alike are one loop. A step is in floats; 0 where the operand is spread.
  int loops = 1;
  std::int64_t size[kMaxRank] = {1}, a_step[kMaxRank] = {1}, b_step[kMaxRank] = {1};
};

// Adds up g, of this shape, over all elements that one element of the target was spread over.
void sum_to(const float* g, const Shape& shape, const Shape& target, const GradOut& to);

// Calls body(i, a, b, count) on runs of elements that cover the result: they start at index i in
// it and at a and b in the operands. In parallel, on ranges that depend on the shapes alone.
template <class Body>
void for_runs(const Broadcast& s, const Body& body) {
  const int inner = s.loops - 1;
  parallel_ranges(s.shape.numel(), kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t at = begin % s.size[inner];
      const std::int64_t count = std::min(end - begin, s.size[inner] - at);
      std::int64_t a = at * s.a_step[inner], b = at * s.b_step[inner];
      std::int64_t row = begin / s.size[inner];
      for (int loop = inner - 1; loop >= 0; row /= s.size[loop--]) {
        a += row % s.size[loop] * s.a_step[loop];
        b += row % s.size[loop] * s.b_step[loop];
      }
      body(begin, a, b, count);
      begin += count;
    }
  });
}

// Calls body(a_step, b_step) with the steps of the innermost loop as constants: they are 0 or 1,
// and a loop over known ones is a loop of vectors.
template <class Body>
void with_steps(const Broadcast& s, const Body& body) {
  using Zero = std::integral_constant<std::int64_t, 0>;
  using One = std::integral_constant<std::int64_t, 1>;
  const int inner = s.loops - 1;
  if (s.a_step[inner] == 0)
    body(Zero(), One());
  else if (s.b_step[inner] == 0)
    body(One(), Zero());
  else
    body(One(), One());
}

}  // namespace espalier
