// Resize: a part of a picture in another size.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/codec.h"

namespace espalier::datasets {

struct Part {
  int top, left, height, width;
};
// The largest part of the shape height : width, from the middle.
Part middle_of(const Pixels& pixels, int height, int width);

// The part as [height][width][C]. A pixel of the result is the mean of those below a triangle
// around its middle, which is twice as wide as the pixel itself when reducing, so that fine
// patterns average out, and reaches the nearest two when enlarging (bilinear). Where the part has
// the size already, its bytes are kept. In integers: the same everywhere.
std::vector<std::uint8_t> resize(const Pixels& from, const Part& part, int height, int width);

}  // namespace espalier::datasets
