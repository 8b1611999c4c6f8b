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

// A part of the result as runs of floats: one for each block of images, or one in all.
struct Runs {
  std::int64_t count, size;  // of the part
  std::int64_t first, step;  // in the result: of the first run, and from one to the next
};

Shape shape_of(std::span<const Tensor> parts) {
  check(!parts.empty(), "concat: found no tensor, expected at least one");
  std::vector<std::int64_t> sizes = parts[0].shape().sizes();
  for (const Tensor& part : parts) {
    const Shape& s = part.shape();
    bool fits = s.rank() == parts[0].shape().rank() && (s.rank() == 4 || s.rank() == 2);
    for (int d = 0; fits && d < s.rank(); ++d) fits = d == 1 || s[d] == parts[0].size(d);
    if (!fits)
      fail("concat: found tensors of shapes ", parts[0].shape().str(), " and ", s.str(),
           ", expected images or features that differ in their channels at most");
    if (&part != &parts[0]) sizes[1] += s[1];
  }
  return Shape(sizes);
}

Tensor concat_few(std::span<const Tensor> given) {
  const Shape shape = shape_of(given);
  std::array<Tensor, kMost> parts;
  parts[0] = to_lanes(given[0]);
  const Layout layout = parts[0].layout();
  for (std::size_t i = 1; i < given.size(); ++i) parts[i] = to_layout(given[i], layout);

  Tensor y = Tensor::empty(shape, layout);
  const bool images = shape.rank() == 4;
  const std::int64_t blocks = images ? y.planes().blocks : 1;
  const std::int64_t step = y.storage_size() / blocks;
  std::array<Runs, kMost> runs;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::int64_t size = parts[i].storage_size() / blocks;
    runs[i] = {blocks, size, first, step};
    first += size;
    const float* from = parts[i].data();
    float* to = y.mutable_data() + runs[i].first;
    for (std::int64_t b = 0; b < blocks; ++b)
      parallel_write(size, to + b * step, false,
                     [from = from + b * size](std::int64_t k) { return from[k]; });
  }
  return record(Op::Concat, y, {parts[0], parts[1], parts[2], parts[3], parts[4]},
                [parts, runs, count = given.size()](const Tensor& dy) {
                  for (std::size_t i = 0; i < count; ++i) {
                    const GradOut to = grad_out(parts[i]);
                    const auto [blocks, size, first, step] = runs[i];
                    for (std::int64_t b = 0; to && b < blocks; ++b)
                      parallel_write(size, to.data + b * size, to.add,
                                     [from = dy.data() + first + b * step](std::int64_t k) {
                                       return from[k];
                                     });
                  }
                });
}

}  // namespace

Tensor concat(std::span<const Tensor> parts) {
  shape_of(parts);  // an error names them all
  if (parts.size() <= kMost) return parts.size() == 1 ? parts[0] : concat_few(parts);
  const Tensor begin = concat(parts.first(parts.size() - kMost + 1));
  std::array<Tensor, kMost> rest;
  rest[0] = begin;
  std::copy(parts.end() - (kMost - 1), parts.end(), rest.begin() + 1);
  return concat_few(rest);
}

}  // namespace espalier
