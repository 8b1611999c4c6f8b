// A tensor in row-major order as seen around one dimension: [outer, count, inner].
#pragma once

#include <cstdint>

#include "core/kernels/planes.h"
#include "core/shape.h"

namespace espalier {

struct Middle {
  Middle(const Shape& shape, int dim) : count(shape[dim]) {
    for (int i = 0; i < shape.index(dim); ++i) outer *= shape[i];
    for (int i = shape.index(dim) + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  // All elements as the one dimension.
  static Middle all(const Shape& shape) { return Middle(Shape{shape.numel()}, 0); }

  std::int64_t outer = 1, count = 1, inner = 1;

  // The shape of one value for each [outer, inner].
  static Shape reduced(Shape shape, int dim, bool keep) {
    if (!keep) return shape.without(dim);
    shape.set(dim, 1);
    return shape;
  }

  // Calls body(i, first) for each i in [outer, inner]; element k of it lies at first + k * inner.
  template <class Body>
  void for_each_line(const Body& body) const {
    for_each(outer * inner, count,
             [&](std::int64_t i) { body(i, i / inner * count * inner + i % inner); });
  }
};

}  // namespace espalier
