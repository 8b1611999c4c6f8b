// Picture: one picture file into the bytes that a network takes, and such bytes into a PNG file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/codec.h"
#include "datasets/dataset.h"

namespace espalier::datasets {

// Reads an image file of any size and of any format that decode() reads, as bytes [C][H][W] with 1
// channel (luminance) or 3 (red, green, blue). The middle of the image, as large as the shape H : W
// allows, is resized, see resize(). Errors as of decode().
std::vector<std::uint8_t> read_picture(const std::string& path, int channels, int height, int width,
                                       std::int64_t max_pixels = kMostPixels);

// Writes bytes [C][H][W] of 1 or 3 channels as a PNG file, whole or not at all; the second, a
// picture of a data set.
void write_picture(const std::string& path, std::span<const std::uint8_t> picture, int channels,
                   int height, int width);
void write_picture(const std::string& path, const Dataset& data, std::int64_t index);

// The content of a PNG file of [height][width][channels], 1 to 4 channels.
std::string encode_png(std::span<const std::uint8_t> pixels, int channels, int height, int width);

}  // namespace espalier::datasets
