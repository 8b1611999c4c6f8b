// The sparse fully connected layer: the choice of kernels, and the orders they need.
#include "core/ops/sparse_linear.h"

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/scratch.h"
#include "core/kernels/sparse_linear.h"
#include "core/ops/layout.h"
#include "core/ops/sums.h"
#include "core/parallel.h"

namespace espalier {
namespace {

// The matrix with rows and columns exchanged, and where each of its values comes from.
struct Transposed {
  explicit Transposed(const SparsePattern& p);
  std::vector<std::uint32_t> row_starts, columns, position;
};

Transposed::Transposed(const SparsePattern& p)
    : row_starts(static_cast<std::size_t>(p.row_size()) + 1),
      columns(p.columns().size()),
      position(p.columns().size()) {
  for (const std::uint32_t c : p.columns()) ++row_starts[c + 1];
  for (std::size_t i = 1; i < row_starts.size(); ++i) row_starts[i] += row_starts[i - 1];
  std::vector<std::uint32_t> next(row_starts.begin(), row_starts.end() - 1);
  p.each([&](std::int64_t i, std::int64_t element) {
    const std::uint32_t to = next[element % p.row_size()]++;
    columns[to] = static_cast<std::uint32_t>(element / p.row_size());
    position[to] = static_cast<std::uint32_t>(i);
  });
}

// What the kernels derive from a pattern: the way back only once it is gone.
struct Orders : SparsePattern::Derived {
  explicit Orders(const SparsePattern& p) : forward(p.row_starts(), p.columns(), p.row_size()) {}
  SparseRuns forward;

  struct Back {
    explicit Back(const Transposed& t, std::int64_t outputs)
        : runs(t.row_starts, t.columns, outputs) {
      // In the runs' own order the values are read one after the other.
      from.reserve(t.position.size());
      for (SparseRuns::Run& run : runs.runs) {
        const std::uint32_t start = static_cast<std::uint32_t>(from.size());
        for (std::uint32_t k = 0; k < run.count; ++k) from.push_back(t.position[run.start + k]);
        run.start = start;
      }
    }
    SparseRuns runs;
    std::vector<std::uint32_t> from;  // the position of each value
  };
  std::unique_ptr<Back> back;
};

// Once made they never change, and live as long as the pattern.
const SparseRuns& forward_runs(const SparsePattern& pattern) {
  return pattern.derived<Orders>(
      [](Orders& orders) -> const SparseRuns& { return orders.forward; });
}

const Orders::Back& way_back(const SparsePattern& pattern) {
  return pattern.derived<Orders>([&](Orders& orders) -> const Orders::Back& {
    if (!orders.back)
      orders.back = std::make_unique<Orders::Back>(Transposed(pattern), pattern.rows());
    return *orders.back;
  });
}

void check_arguments(const Tensor& x, const Tensor& values, const Pattern& pattern,
                     const Tensor& bias) {
  check(pattern != nullptr, "sparse_linear: found no pattern, expected one");
  const Shape &w = pattern->dense(), &shape = x.shape();
  check(w.rank() == 2, "sparse_linear: found a pattern of shape ", w.str(), ", expected [O, I]");
  check(values.shape() == Shape{pattern->nonzero()}, "sparse_linear: found values of shape ",
        values.shape().str(), ", expected [", pattern->nonzero(), "]");
  check(shape.rank() == 2 && shape[1] == w[1], "sparse_linear: found input of shape ", shape.str(),
        ", expected [N, ", w[1], "]");
  check(!bias.defined() || bias.shape() == Shape{w[0]}, "sparse_linear: found bias of shape ",
        bias.defined() ? bias.shape().str() : "", ", expected [", w[0], "]");
}

// Features in all lanes, or one image a block where that is faster.
Tensor prepare(const Tensor& given) {
  const Tensor x = to_lanes(given);
  const bool small = !grad_enabled() && x.size(0) > 0 && x.size(0) <= kMostSmallImages;
  return x.layout().lanes == 1 && !small ? to_layout(x, {.lanes = simd_lanes()}) : x;
}

// (+)= the gradient of the input.
void back_to_input(const SparsePattern& pattern, const float* values, const float* dy,
                   std::int64_t columns, const GradOut& dx) {
  const Orders::Back& back = way_back(pattern);
  // In the runs' order first: read one by one there, values far apart would hold up the products.
  const Scratch<float> ordered(pattern.nonzero());
  float* to = ordered.data();
  parallel_ranges(pattern.nonzero(), 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = values[back.from[i]];
  });
  run(SparseProduct{.runs = &back.runs,
                    .values = to,
                    .x = dy,
                    .y = dx.data,
                    .columns = columns,
                    .bias = nullptr,
                    .add = dx.add});
}

}  // namespace

Tensor sparse_linear(const Tensor& given, const Tensor& values, const Pattern& pattern,
                     const Tensor& bias) {
  check_arguments(given, values, pattern, bias);
  const Tensor x = prepare(given);
  Tensor y = Tensor::empty({x.size(0), pattern->rows()}, x.layout());
  const float* begin = bias.defined() ? bias.data() : nullptr;
  if (x.layout().lanes == 1) {
    run(SparseSmallProduct{.row_starts = pattern->row_starts(),
                           .columns = pattern->columns(),
                           .values = values.data(),
                           .x = x.data(),
                           .y = y.mutable_data(),
                           .images = static_cast<int>(x.size(0)),
                           .bias = begin});
    return y;
  }
  const std::int64_t columns = x.storage_size() / pattern->row_size();
  const SparseRuns& runs = forward_runs(*pattern);
  run(SparseProduct{.runs = &runs,
                    .values = values.data(),
                    .x = x.data(),
                    .y = y.mutable_data(),
                    .columns = columns,
                    .bias = begin,
                    .add = false});

  return record(Op::SparseLinear, y, {x, values, bias}, [=](const Tensor& dy) {
    if (GradOut dx = grad_out(x)) back_to_input(*pattern, values.data(), dy.data(), columns, dx);
    if (GradOut dw = grad_out(values))
      run(SparseProductGradient{.runs = &forward_runs(*pattern),
                                .x = x.data(),
                                .dy = dy.data(),
                                .columns = columns,
                                .dw = dw.data,
                                .add = dw.add});
    if (GradOut db = grad_out(bias))
      sum_middle(dy.data(), pattern->rows(), columns, 1, db.data, db.add);
  });
}

}  // namespace espalier
