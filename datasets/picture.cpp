// Picture: the channels as a network takes them, each in a plane of its own.
#include "datasets/picture.h"

#include <new>

#include "core/error.h"
#include "core/file.h"
#include "datasets/resize.h"

namespace espalier::datasets {
namespace {

// The value of one of 1 or 3 channels at a pixel that has 1 or 3.
std::uint8_t channel_of(const std::uint8_t* pixel, int channels, int wanted, int of) {
  if (channels == 1) return pixel[0];
  if (of == 3) return pixel[wanted];
  return static_cast<std::uint8_t>((pixel[0] * 77 + pixel[1] * 150 + pixel[2] * 29) >> 8);
}

void check_size(const char* who, int channels, int height, int width) {
  check((channels == 1 || channels == 3) && height > 0 && width > 0 &&
            std::int64_t{height} * width <= kMostPixels,
        who, ": found ", channels, "x", height, "x", width,
        ", expected 1 or 3 channels and at most ", kMostPixels, " pixels");
}

}  // namespace

std::vector<std::uint8_t> read_picture(const std::string& path, int channels, int height, int width,
                                       std::int64_t max_pixels) {
  check_size("read_picture", channels, height, width);
  const Pixels pixels = decode(path, max_pixels);
  try {
    const auto resized = resize(pixels, middle_of(pixels, height, width), height, width);
    const int area = height * width;
    std::vector<std::uint8_t> picture(static_cast<std::size_t>(channels) * area);
    for (int c = 0; c < channels; ++c)
      for (int p = 0; p < area; ++p)
        picture[static_cast<std::size_t>(c) * area + p] = channel_of(
            &resized[static_cast<std::size_t>(p) * pixels.channels], pixels.channels, c, channels);
    return picture;
  } catch (const std::bad_alloc&) {
    fail(path, ": no memory to resize an image of ", pixels.width, "x", pixels.height);
  }
}

void write_picture(const std::string& path, std::span<const std::uint8_t> picture, int channels,
                   int height, int width) {
  check_size("write_picture", channels, height, width);
  const std::size_t area = static_cast<std::size_t>(height) * width;
  check(picture.size() == area * channels, "write_picture: found ", picture.size(),
        " bytes, expected ", channels, "x", height, "x", width);
  std::vector<std::uint8_t> pixels;
  try {
    pixels.resize(picture.size());
  } catch (const std::bad_alloc&) {
    fail(path, ": no memory for an image of ", width, "x", height);
  }
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = picture[i % channels * area + i / channels];
  write_file(path, encode_png(pixels, channels, height, width));
}

void write_picture(const std::string& path, const Dataset& data, std::int64_t index) {
  check_dataset(data, "write_picture");
  check(index >= 0 && index < data.size(), "write_picture: found index ", index, ", expected 0 to ",
        data.size() - 1);
  write_picture(path, {data.picture(index), static_cast<std::size_t>(data.picture_size())},
                data.channels, data.height, data.width);
}

}  // namespace espalier::datasets
