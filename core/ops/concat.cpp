// Concatenation: in lanes the channels of a block, and the features, lie one after the other, so
// every part is copied whole.
#include "core/ops/concat.h"

#include <algorithm>
#include <array>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/layout.h"
#include "core/ops/map.h"

namespace espalier {
namespace {

constexpr std::size_t kMost = TapeNode::kMaxInputs;
using Parts = std::array<Tensor, kMost>;  // those behind the last are not defined

// to (+)= from, for runs of `size` floats that begin so far from each other.
void copy_runs(std::int64_t runs, std::int64_t size, const float* from, std::int64_t from_step,
               float* to, std::int64_t to_step, bool add) {
  for (std::int64_t i = 0; i < runs; ++i)
    parallel_write(size, to + i * to_step, add,
                   [from = from + i * from_step](std::int64_t k) { return from[k]; });
}

// A part is as many runs as there are blocks of images, or one.
Tensor concat_few(std::span<const Tensor> given, const Shape& shape) {
  Parts parts;
  parts[0] = to_lanes(given[0]);
  const Layout layout = parts[0].layout();
  for (std::size_t i = 1; i < given.size(); ++i) parts[i] = to_layout(given[i], layout);
  Tensor y = Tensor::empty(shape, layout);
  const std::int64_t blocks = shape.rank() == 4 ? y.planes().blocks : 1;
  const std::int64_t step = y.storage_size() / blocks;
  float* to = y.mutable_data();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::int64_t size = parts[i].storage_size() / blocks;
    copy_runs(blocks, size, parts[i].data(), size, to, step, false);
    to += size;
  }
  return record(Op::Concat, y, {parts[0], parts[1], parts[2], parts[3], parts[4]},
                [parts, blocks, step](const Tensor& dy) {
                  const float* from = dy.data();
                  for (const Tensor& part : parts) {
                    if (!part.defined()) return;
                    const std::int64_t size = part.storage_size() / blocks;
                    if (const GradOut dx = grad_out(part))
                      copy_runs(blocks, size, from, step, dx.data, size, dx.add);
                    from += size;
                  }
                });
}

}  // namespace

Shape concat_shape(const std::string& owner, std::span<const Shape> parts) {
  check(!parts.empty(), owner, ": found no tensor, expected at least one");
  Shape whole = parts[0];
  for (const Shape& part : parts) {
    if ((part.rank() != 4 && part.rank() != 2) || part.without(1) != whole.without(1)) [[unlikely]]
      fail(owner, ": found tensors of shapes ", parts[0].str(), " and ", part.str(),
           ", expected images or features that differ in their channels at most");
    if (&part != &parts[0]) whole.set(1, whole[1] + part[1]);
  }
  return whole;
}

Tensor concat(std::span<const Tensor> parts) {
  std::vector<Shape> shapes;
  for (const Tensor& part : parts) shapes.push_back(part.shape());
  const Shape shape = concat_shape("concat", shapes);  // an error names them all
  if (parts.size() <= kMost) return parts.size() == 1 ? parts[0] : concat_few(parts, shape);
  const Tensor begin = concat(parts.first(parts.size() - kMost + 1));
  Parts rest;
  rest[0] = begin;
  std::copy(parts.end() - (kMost - 1), parts.end(), rest.begin() + 1);
  return concat_few(rest, shape);
}

}  // namespace espalier
