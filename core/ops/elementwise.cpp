// Elementwise operations: on two tensors, with broadcasting as in NumPy (shapes are aligned at
// their last dimension, and a size of 1 is spread over the other's), and on one. What the gradients
// do at the edges of a function's domain is what PyTorch does there.
#include "core/ops/elementwise.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/gate.h"
#include "core/ops/layout.h"
#include "core/ops/map.h"
#include "core/ops/sums.h"

namespace espalier {
namespace {

// The size at a position counted from the end, as if the shape had more leading ones.
std::int64_t size_from_end(const Shape& shape, int position) {
  return position < shape.rank() ? shape[shape.rank() - 1 - position] : 1;
}

struct Broadcast {
  // An error names the operation and both shapes where they do not fit.
  Broadcast(Op op, const Shape& a, const Shape& b);

  Shape shape;  // of the result
  // The loops over the result, outermost first: neighbouring dimensions that both operands walk
  // through alike are one loop. A step is in floats; 0 where the operand is spread.
  int loops = 1;
  std::int64_t size[kMaxRank] = {1}, a_step[kMaxRank] = {1}, b_step[kMaxRank] = {1};
};

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

// Adds up g, of the result's shape, over the loops in which an operand of these steps is spread.
void sum_to(const float* g, const Broadcast& s, const std::int64_t* step, const GradOut& to) {
  std::int64_t size[kMaxRank];
  std::copy(s.size, s.size + s.loops, size);
  auto to_sum = std::count(step, step + s.loops, 0);
  Tensor held;  // between two sums
  for (int i = 0; i < s.loops; ++i) {
    if (step[i] != 0) continue;
    std::int64_t outer = 1, inner = 1;
    for (int k = 0; k < s.loops; ++k) (k < i ? outer : inner) *= k == i ? 1 : size[k];
    if (--to_sum == 0) return sum_middle(g, outer, size[i], inner, to.data, to.add);
    Tensor sums = Tensor::empty({outer, inner});
    sum_middle(g, outer, size[i], inner, sums.mutable_data(), false);
    held = sums;
    g = held.data();
    size[i] = 1;
  }
}

// out[i] (+)= f(i, x, y) for every element of the result and those of the operands that it is made
// of. In parallel, on ranges that depend on the shapes alone, and there by runs of the innermost
// loop, whose steps are 0 or 1: with known ones it is a loop of vectors.
template <class Function>
void write_pairs(const Broadcast& s, const Tensor& a, const Tensor& b, float* out, bool add,
                 const Function& f) {
  const int inner = s.loops - 1;
  const float *in_a = a.data(), *in_b = b.data();
  const auto write = [&](auto a_step, auto b_step) {
    parallel_ranges(s.shape.numel(), kElementGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t count; begin < end; begin += count) {
        const std::int64_t at = begin % s.size[inner];
        count = std::min(end - begin, s.size[inner] - at);
        std::int64_t at_a = at * a_step(), at_b = at * b_step();
        std::int64_t row = begin / s.size[inner];
        for (int loop = inner - 1; loop >= 0; row /= s.size[loop--]) {
          at_a += row % s.size[loop] * s.a_step[loop];
          at_b += row % s.size[loop] * s.b_step[loop];
        }
        write_each(count, out + begin, add, [=, x = in_a + at_a, y = in_b + at_b](std::int64_t k) {
          return f(begin + k, x[k * a_step()], y[k * b_step()]);
        });
      }
    });
  };
  using Zero = std::integral_constant<std::int64_t, 0>;
  using One = std::integral_constant<std::int64_t, 1>;
  if (s.a_step[inner] == 0)
    write(Zero(), One());
  else if (s.b_step[inner] == 0)
    write(One(), Zero());
  else
    write(One(), One());
}

// value(a, b), and its derivatives times dy: a_slope(dy, a, b), b_slope(dy, a, b).
template <class Value, class SlopeA, class SlopeB>
Tensor combine(Op op, const Tensor& given_a, const Tensor& given_b, Value value, SlopeA a_slope,
               SlopeB b_slope) {
  const Broadcast s(op, given_a.shape(), given_b.shape());
  const Tensor a = to_plain(given_a), b = to_plain(given_b);
  Tensor y = Tensor::empty(s.shape);
  write_pairs(s, a, b, y.mutable_data(), false,
              [value](std::int64_t, float x, float y) { return value(x, y); });
  return record(op, y, {a, b}, [=](const Tensor& dy) {
    // The gradient of one operand, added up where it was spread.
    const auto put = [&](const Tensor& operand, const std::int64_t* step, auto slope) {
      const GradOut to = grad_out(operand);
      if (!to) return;
      const bool spread = operand.numel() != s.shape.numel();
      Tensor held = spread ? Tensor::empty(s.shape) : Tensor();
      float* out = spread ? held.mutable_data() : to.data;
      write_pairs(
          s, a, b, out, to.add && !spread,
          [slope, d = dy.data()](std::int64_t i, float x, float y) { return slope(d[i], x, y); });
      if (spread) sum_to(out, s, step, to);
    };
    put(a, s.a_step, a_slope);
    put(b, s.b_step, b_slope);
  });
}

// a + sign * b where both lie alike: one loop over everything in memory. Halos stay zero.
Tensor add_in_memory(Op op, const Tensor& a, const Tensor& b, float sign) {
  Tensor y = Tensor::empty(a.shape(), a.layout());
  const float *in_a = a.data(), *in_b = b.data();
  parallel_write(a.storage_size(), y.mutable_data(), false,
                 [=](std::int64_t i) { return in_a[i] + sign * in_b[i]; });
  return record(op, y, {a, b}, [a, b, sign](const Tensor& dy) {
    const float* d = dy.data();
    if (GradOut da = grad_out(a))
      parallel_write(a.storage_size(), da.data, da.add, [d](std::int64_t i) { return d[i]; });
    if (GradOut db = grad_out(b))
      parallel_write(b.storage_size(), db.data, db.add,
                     [d, sign](std::int64_t i) { return sign * d[i]; });
  });
}

Tensor add_or_subtract(Op op, const Tensor& a, const Tensor& b, float sign) {
  if (a.shape() == b.shape()) {
    if (a.layout() == b.layout()) return add_in_memory(op, a, b, sign);
    if (!a.layout().plain() && !b.layout().plain())
      return add_in_memory(op, a, to_layout(b, a.layout()), sign);
  }
  return combine(
      op, a, b, [sign](float x, float y) { return x + sign * y; },
      [](float d, float, float) { return d; }, [sign](float d, float, float) { return sign * d; });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return add_or_subtract(Op::Add, a, b, 1); }
Tensor sub(const Tensor& a, const Tensor& b) { return add_or_subtract(Op::Sub, a, b, -1); }

Tensor mul(const Tensor& a, const Tensor& b) {
  if (gates(a, b)) return gate(a, b);
  return combine(
      Op::Mul, a, b, [](float x, float y) { return x * y; },
      [](float d, float, float y) { return d * y; }, [](float d, float x, float) { return d * x; });
}

Tensor div(const Tensor& a, const Tensor& b) {
  return combine(
      Op::Div, a, b, [](float x, float y) { return x / y; },
      [](float d, float, float y) { return d / y; },
      [](float d, float x, float y) { return -d * (x / y / y); });
}

Tensor scale(const Tensor& given, float factor) {
  // Zeros of a halo times infinity would not be zeros.
  const Tensor x = std::isfinite(factor) ? given : to_plain(given);
  return map(
      Op::Scale, x, [factor](float v) { return v * factor; },
      [factor](float d, float, float) { return d * factor; });
}

Tensor shift(const Tensor& x, float term) {
  return map(
      Op::Shift, to_plain(x), [term](float v) { return v + term; },
      [](float d, float, float) { return d; });
}

Tensor pow(const Tensor& given, float exponent) {
  const Tensor x = to_plain(given);
  if (exponent == 2)  // by far the most frequent, and a loop of vectors
    return map(
        Op::Pow, x, [](float v) { return v * v; },
        [](float d, float v, float) { return d * (2 * v); });
  return map(
      Op::Pow, x, [exponent](float v) { return std::pow(v, exponent); },
      [exponent](float d, float v, float) {
        return exponent == 0 ? 0.0f : d * (exponent * std::pow(v, exponent - 1));
      });
}

Tensor exp(const Tensor& x) {
  return map(
      Op::Exp, to_plain(x), [](float v) { return std::exp(v); },
      [](float d, float, float y) { return d * y; });
}

Tensor log(const Tensor& x) {
  return map(
      Op::Log, to_plain(x), [](float v) { return std::log(v); },
      [](float d, float v, float) { return d / v; });
}

Tensor sqrt(const Tensor& x) {
  return map(
      Op::Sqrt, to_plain(x), [](float v) { return std::sqrt(v); },
      [](float d, float, float y) { return d * (0.5f / y); });
}

Tensor abs(const Tensor& x) {
  return map(
      Op::Abs, to_plain(x), [](float v) { return std::abs(v); },
      [](float d, float v, float) { return d * static_cast<float>((v > 0) - (v < 0)); });
}

Tensor tanh(const Tensor& x) {
  return map(
      Op::Tanh, to_plain(x), [](float v) { return std::tanh(v); },
      [](float d, float, float y) { return d * (1 - y * y); });
}

Tensor clamp(const Tensor& x, float low, float high) {
  check(low <= high, "clamp: found bounds ", low, " and ", high, ", expected the lower one first");
  return map(
      Op::Clamp, to_plain(x),
      [=](float v) { return v < low    ? low
                            : v > high ? high
                                       : v; },  // NaN stays
      [=](float d, float v, float) { return v >= low && v <= high ? d : 0.0f; });
}

}  // namespace espalier
