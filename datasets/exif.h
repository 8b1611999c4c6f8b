// EXIF: the way up that a camera noted.
#pragma once

#include <cstddef>
#include <span>

#include "datasets/encoded.h"

namespace espalier::datasets {

// The orientation, 1 to 8, in EXIF data with or without "Exif\0\0" before it; 1, which is upright,
// where it holds none.
int exif_orientation(std::span<const std::byte> exif);

// The pixels of an image of this orientation, upright.
Pixels upright(const Encoded& file, Pixels pixels, int orientation);

}  // namespace espalier::datasets
