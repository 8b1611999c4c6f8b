// PNG: one chunk of data that zlib packs; every row as it is (filter 0).
#include <zlib.h>

#include <new>

#include "core/error.h"
#include "datasets/codec.h"

namespace espalier::datasets {
namespace {

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

std::string encode(std::span<const std::uint8_t> pixels, int channels, int height, int width) {
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
}

}  // namespace

std::string encode_png(std::span<const std::uint8_t> pixels, int channels, int height, int width) {
  check(channels >= 1 && channels <= 4 && height > 0 && width > 0 &&
            pixels.size() == std::size_t{1} * height * width * channels,
        "encode_png: found ", pixels.size(), " bytes, expected ", height, "x", width, "x", channels,
        " of 1 to 4 channels");
  try {
    return encode(pixels, channels, height, width);
  } catch (const std::bad_alloc&) {
    fail("encode_png: no memory for an image of ", width, "x", height);
  }
}

}  // namespace espalier::datasets
