// Shapes: a generated set of ten classes, for machines without data. A figure of random place,
// size, turn and colour on a shaded ground, among scraps and under noise: hard enough that a small
// network keeps making some mistakes.
#pragma once

#include <cstdint>
#include <string>

#include "datasets/dataset.h"

namespace espalier::datasets {

struct ShapesOptions {
  std::int64_t train = 10000, test = 2000;  // pictures; classes take turns
  std::uint64_t seed = 0;
};

// Pictures of 3x32x32. Every byte follows from the seed, on every processor: all of the arithmetic
// is in integers. A larger set begins with the pictures of a smaller one.
Data shapes(const ShapesOptions& options = {});

// The same as a folder in CIFAR-10's format, see write_cifar10().
void write_shapes(const std::string& folder, const ShapesOptions& options = {});

}  // namespace espalier::datasets
