// Elementwise operations on two tensors, with broadcasting.
#include "core/autograd.h"
#include "core/ops/broadcast.h"
#include "core/ops/elementwise.h"
#include "core/ops/gate.h"
#include "core/ops/layout.h"

namespace espalier {
namespace {

// The gradient of one operand, which has the given shape: `slope(dy, a, b)` at every element of
// the result, added up where the operand was spread.
template <class Slope>
void put_gradient(const Tensor& operand, const Tensor& dy, const Tensor& a, const Tensor& b,
                  const Broadcast& s, Slope slope) {
  const GradOut to = grad_out(operand);
  if (!to) return;
  const bool spread = operand.numel() != s.shape.numel();
  Tensor held = spread ? Tensor::empty(s.shape) : Tensor();
  float* out = spread ? held.mutable_data() : to.data;
  const float *d = dy.data(), *x = a.data(), *y = b.data();
  with_steps(s, [&](auto a_step, auto b_step) {
    for_runs(s, [&](std::int64_t i, std::int64_t at_a, std::int64_t at_b, std::int64_t count) {
      write_each(count, out + i, to.add && !spread,
                 [=, d = d + i, x = x + at_a, y = y + at_b](std::int64_t k) {
                   return slope(d[k], x[k * a_step], y[k * b_step]);
                 });
    });
  });
  if (spread) sum_to(out, s.shape, operand.shape(), to);
}

// value(a, b), and its derivatives times dy: a_slope(dy, a, b), b_slope(dy, a, b).
template <class Value, class SlopeA, class SlopeB>
Tensor combine(Op op, const Tensor& given_a, const Tensor& given_b, Value value, SlopeA a_slope,
               SlopeB b_slope) {
  const Broadcast s(op, given_a.shape(), given_b.shape());
  const Tensor a = to_plain(given_a), b = to_plain(given_b);
  Tensor y = Tensor::empty(s.shape);
  float* out = y.mutable_data();
  const float *in_a = a.data(), *in_b = b.data();
  with_steps(s, [&](auto a_step, auto b_step) {
    for_runs(s, [&](std::int64_t i, std::int64_t at_a, std::int64_t at_b, std::int64_t count) {
      write_each(count, out + i, false, [=, x = in_a + at_a, y = in_b + at_b](std::int64_t k) {
        return value(x[k * a_step], y[k * b_step]);
      });
    });
  });
  return record(op, y, {a, b}, [=](const Tensor& dy) {
    put_gradient(a, dy, a, b, s, a_slope);
    put_gradient(b, dy, a, b, s, b_slope);
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

}  // namespace espalier
