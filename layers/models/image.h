// What the built-in models check of the images that they are made for.
#pragma once

#include "core/error.h"
#include "core/shape.h"

namespace espalier::layers {

inline void expect_images(const char* model, const Shape& input, int side) {
  check(input.rank() == 3, model, ": found inputs of shape ", input.str(), ", expected [C, H, W]");
  check(input[1] >= side && input[2] >= side, model, ": found images of ", input[1], "x", input[2],
        ", expected at least ", side, "x", side);
}

}  // namespace espalier::layers
