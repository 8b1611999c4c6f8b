// Picture: decoded images are resized, with the weights as whole numbers, and their channels put in
// a plane each, as a network takes them; PNG files have one chunk of data that zlib packs.
#include "datasets/picture.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "core/error.h"
#include "core/file.h"

namespace espalier::datasets {
namespace {

// ---- Resizing ----------------------------------------------------------------
// What one pixel of a resized line is made of: pixels first, first + 1, ... of the line before.
struct Weights {
  std::int64_t first = 0, sum = 0;
  std::vector<std::int64_t> values;
};

// In units of 1 / (2 to) pixels, the middles lie at (2u + 1) to before and at (2x + 1) from after.
// The triangle falls by one a unit, from 2 max(from, to) at its middle.
std::vector<Weights> weights_of(std::int64_t from, std::int64_t to) {
  const std::int64_t height = 2 * std::max(from, to);
  std::vector<Weights> all(static_cast<std::size_t>(to));
  for (std::int64_t x = 0; x < to; ++x) {
    const std::int64_t middle = (2 * x + 1) * from;
    Weights& w = all[x];
    w.first = std::max<std::int64_t>(0, (middle - height) / (2 * to));
    for (std::int64_t u = w.first; u < from && (2 * u + 1) * to < middle + height; ++u) {
      const std::int64_t value = height - std::abs((2 * u + 1) * to - middle);
      w.values.push_back(std::max<std::int64_t>(value, 0));
      w.sum += w.values.back();
    }
  }
  return all;
}

// The sum of the values of a line, `stride` apart, by their weights.
template <class Value>
std::int64_t weighted(const Weights& w, const Value* line, std::size_t stride) {
  std::int64_t total = 0;
  const Value* value = line + static_cast<std::size_t>(w.first) * stride;
  for (std::size_t k = 0; k < w.values.size(); ++k) total += w.values[k] * value[k * stride];
  return total;
}

std::int64_t rounded(std::int64_t value, std::int64_t by) { return (2 * value + by) / (2 * by); }

struct Part {
  int top, left, height, width;
};

// The largest part of the shape height : width, from the middle.
Part middle_of(const Pixels& pixels, int height, int width) {
  // As much of a side, and at least one pixel, as the other one allows.
  const auto scaled = [](int side, std::int64_t other, int to, int of) {
    return static_cast<int>(std::clamp<std::int64_t>((other * to + of / 2) / of, 1, side));
  };
  Part part = {0, 0, scaled(pixels.height, pixels.width, height, width),
               scaled(pixels.width, pixels.height, width, height)};
  part.top = (pixels.height - part.height) / 2;
  part.left = (pixels.width - part.width) / 2;
  return part;
}

// The part as [height][width][C]. A pixel of the result is the mean of those below a triangle
// around its middle, which is twice as wide as the pixel itself when reducing, so that fine
// patterns average out, and reaches the nearest two when enlarging (bilinear). Where the part has
// the size already, its bytes are kept. In integers: the same everywhere.
std::vector<std::uint8_t> resize(const Pixels& from, const Part& part, int height, int width) {
  const auto channels = static_cast<std::size_t>(from.channels);
  const std::size_t row_before = channels * static_cast<std::size_t>(from.width);
  const std::size_t row = channels * static_cast<std::size_t>(width);

  // [part.height][width][C], with eight bits behind the point.
  std::vector<std::uint16_t> between(static_cast<std::size_t>(part.height) * row);
  const auto across = weights_of(part.width, width);
  const std::uint8_t* first = from.bytes.get() + part.top * row_before + part.left * channels;
  for (int y = 0; y < part.height; ++y)
    for (int x = 0; x < width; ++x)
      for (std::size_t c = 0; c < channels; ++c)
        between[y * row + x * channels + c] = static_cast<std::uint16_t>(rounded(
            256 * weighted(across[x], first + y * row_before + c, channels), across[x].sum));

  std::vector<std::uint8_t> result(static_cast<std::size_t>(height) * row);
  const auto down = weights_of(part.height, height);
  for (int y = 0; y < height; ++y)
    for (std::size_t i = 0; i < row; ++i)
      result[y * row + i] = static_cast<std::uint8_t>(
          rounded(weighted(down[y], between.data() + i, row), 256 * down[y].sum));
  return result;
}

// ---- PNG ---------------------------------------------------------------------
void append_number(std::string& to, std::uint32_t value) {  // most significant byte first
  for (const int shift : {24, 16, 8, 0}) to += static_cast<char>(value >> shift);
}

void append_chunk(std::string& png, const std::string& name, const std::string& content) {
  append_number(png, static_cast<std::uint32_t>(content.size()));
  const std::size_t begin = png.size();
  png += name + content;
  append_number(
      png, static_cast<std::uint32_t>(
               crc32_z(0, reinterpret_cast<const Bytef*>(png.data() + begin), png.size() - begin)));
}

// ---- Pictures ----------------------------------------------------------------
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
                   int height, int width) try {
  check_size("write_picture", channels, height, width);
  const std::size_t area = static_cast<std::size_t>(height) * width;
  check(picture.size() == area * channels, "write_picture: found ", picture.size(),
        " bytes, expected ", channels, "x", height, "x", width);
  std::vector<std::uint8_t> pixels(picture.size());
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = picture[i % channels * area + i / channels];
  write_file(path, encode_png(pixels, channels, height, width));
} catch (const std::bad_alloc&) {
  fail(path, ": no memory for an image of ", width, "x", height);
}

void write_picture(const std::string& path, const Dataset& data, std::int64_t index) {
  check_dataset(data, "write_picture");
  check(index >= 0 && index < data.size(), "write_picture: found index ", index, ", expected 0 to ",
        data.size() - 1);
  write_picture(path, {data.picture(index), static_cast<std::size_t>(data.picture_size())},
                data.channels, data.height, data.width);
}

std::string encode_png(std::span<const std::uint8_t> pixels, int channels, int height,
                       int width) try {
  check(channels >= 1 && channels <= 4 && height > 0 && width > 0 &&
            pixels.size() == std::size_t{1} * height * width * channels,
        "encode_png: found ", pixels.size(), " bytes, expected ", height, "x", width, "x", channels,
        " of 1 to 4 channels");
  constexpr char kColours[] = {0, 4, 2, 6};  // grey, with alpha, RGB, with alpha
  const std::size_t row = static_cast<std::size_t>(width) * channels;
  std::string rows;
  rows.reserve((row + 1) * static_cast<std::size_t>(height));
  for (std::size_t at = 0; at < pixels.size(); at += row) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(pixels.data() + at), row);
  }
  std::string packed(compressBound(rows.size()), '\0');
  uLongf size = packed.size();
  if (compress(reinterpret_cast<Bytef*>(packed.data()), &size,
               reinterpret_cast<const Bytef*>(rows.data()), rows.size()) != Z_OK)
    throw std::bad_alloc();  // the only way in which this fails
  packed.resize(size);

  std::string header;
  append_number(header, static_cast<std::uint32_t>(width));
  append_number(header, static_cast<std::uint32_t>(height));
  header += '\x8';  // bits a sample
  header += kColours[channels - 1];
  header.append(3, '\0');
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", "");
  return png;
} catch (const std::bad_alloc&) {
  fail("encode_png: no memory for an image of ", width, "x", height);
}

}  // namespace espalier::datasets
