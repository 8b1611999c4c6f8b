// Small image files, byte by byte, for the tests of what reads them.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/codec.h"
#include "tests/test_datasets.h"

namespace espalier::testing {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
// A number, most significant byte first.
inline Bytes number(std::uint32_t value, int bytes = 4) {
  Bytes result;
  for (int k = bytes; k-- > 0;) result.push_back(static_cast<std::uint8_t>(value >> 8 * k));
  return result;
}
inline Bytes little(std::uint32_t value, int bytes = 4) {
  const Bytes big = number(value, bytes);
  return {big.rbegin(), big.rend()};
}

// [height][width][channels], decoded from memory.
inline Bytes decoded(const Bytes& file, std::int64_t max_pixels = datasets::kMostPixels) {
  const datasets::Pixels pixels =
      datasets::decode(std::as_bytes(std::span(file)), "file", max_pixels);
  const std::uint8_t* first = pixels.bytes.get();
  return {first, first + pixels.height * pixels.width * pixels.channels};
}
inline std::string decode_error(const Bytes& file,
                                std::int64_t max_pixels = datasets::kMostPixels) {
  return error_of([&] { decoded(file, max_pixels); });
}

// A JPEG file of grey 8x8 blocks, 136, 144, ... from left to right and top to bottom: one
// coefficient each, coded by tables of one code and of two. The size may be other than that of its
// blocks.
inline Bytes jpeg(int width = 8, int height = 8, int blocks = 1, const Bytes& after_start = {}) {
  Bytes file = {0xff, 0xd8};
  append(file, after_start);
  append(file, {0xff, 0xdb, 0, 67, 0});
  append(file, Bytes(64, 1));  // quantisation
  append(file, {0xff, 0xc0, 0, 11, 8});
  append(file, number(static_cast<std::uint32_t>(height), 2));
  append(file, number(static_cast<std::uint32_t>(width), 2));
  append(file, {1, 1, 0x11, 0});  // one channel
  append(file, {0xff, 0xc4, 0, 21, 0x00, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7});
  append(file, {0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  append(file, {0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0});
  std::string bits;
  for (int i = 0; i < blocks; ++i) bits += "1010000000";  // 8 more than before; the rest zeros
  while (bits.size() % 8 != 0) bits += '1';
  for (std::size_t i = 0; i < bits.size(); i += 8)
    file.push_back(static_cast<std::uint8_t>(std::stoi(bits.substr(i, 8), nullptr, 2)));
  append(file, {0xff, 0xd9});
  return file;
}

inline Bytes png_chunk(const std::string& name, const Bytes& content) {
  Bytes named = bytes_of(name);
  append(named, content);
  Bytes chunk = number(static_cast<std::uint32_t>(content.size()));
  append(chunk, named);
  append(
      chunk,
      number(static_cast<std::uint32_t>(crc32(0, named.data(), static_cast<uInt>(named.size())))));
  return chunk;
}

// A PNG file of rows that begin with their filter; `chunks` come before the data.
inline Bytes png(std::uint32_t width, std::uint32_t height, int bits, int colour, const Bytes& rows,
                 const std::vector<Bytes>& chunks = {}) {
  Bytes packed(compressBound(rows.size()));
  uLongf size = packed.size();
  REQUIRE(compress(packed.data(), &size, rows.data(), rows.size()) == Z_OK);
  packed.resize(size);
  Bytes header = number(width);
  append(header, number(height));
  append(header, {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(colour), 0, 0, 0});
  Bytes file = bytes_of("\x89PNG\r\n\x1a\n");
  append(file, png_chunk("IHDR", header));
  for (const Bytes& chunk : chunks) append(file, chunk);
  append(file, png_chunk("IDAT", packed));
  append(file, png_chunk("IEND", {}));
  return file;
}

// EXIF data of one tag, in either order of bytes.
inline Bytes exif(int orientation, bool little_endian) {
  Bytes data = bytes_of(little_endian ? "II" : "MM");
  for (const auto& [value, size] : {std::pair{42, 2},
                                    {8, 4},
                                    {1, 2},
                                    {0x112, 2},
                                    {3, 2},
                                    {1, 4},
                                    {orientation, 2},
                                    {0, 2},
                                    {0, 4}}) {
    const auto bits = static_cast<std::uint32_t>(value);
    append(data, little_endian ? little(bits, size) : number(bits, size));
  }
  return data;
}

// The header of a TGA file.
inline Bytes tga(int type, std::uint32_t width, std::uint32_t height, int bits, int descriptor) {
  Bytes file = {0, 0, static_cast<std::uint8_t>(type), 0, 0, 0, 0, 0, 0, 0, 0, 0};
  append(file, little(width, 2));
  append(file, little(height, 2));
  append(file, {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(descriptor)});
  return file;
}

// The header of a BMP file, with 54 bytes before its rows.
inline Bytes bmp(std::uint32_t width, std::uint32_t height, int bits) {
  Bytes file = bytes_of("BM");
  for (const std::uint32_t value : {0u, 0u, 54u, 40u, width, height}) append(file, little(value));
  append(file, little(1, 2));
  append(file, little(static_cast<std::uint32_t>(bits), 2));
  file.resize(54);
  return file;
}

// A PSD file without layers, up to where its planes begin.
inline Bytes psd(int mode, int channels, std::uint32_t width, std::uint32_t height, int bits,
                 int coding, const Bytes& palette = {}) {
  Bytes file = bytes_of("8BPS");
  append(file, number(1, 2));
  file.resize(12);
  append(file, number(static_cast<std::uint32_t>(channels), 2));
  append(file, number(height));
  append(file, number(width));
  append(file, number(static_cast<std::uint32_t>(bits), 2));
  append(file, number(static_cast<std::uint32_t>(mode), 2));
  append(file, number(static_cast<std::uint32_t>(palette.size())));
  append(file, palette);
  append(file, Bytes(8));
  append(file, number(static_cast<std::uint32_t>(coding), 2));
  return file;
}

// A TIFF file of 2x3 pixels of grey, not packed, with an orientation.
inline Bytes tiff(int orientation, const Bytes& pixels, std::uint32_t width = 2) {
  Bytes file = bytes_of("MM");
  append(file, number(42, 2));
  append(file, number(8 + static_cast<std::uint32_t>(pixels.size())));
  append(file, pixels);
  const auto rows = static_cast<std::uint32_t>(pixels.size()) / 2;
  const std::pair<std::uint32_t, std::uint32_t> tags[] = {
      {0x100, width},
      {0x101, rows},
      {0x102, 8},
      {0x103, 1},
      {0x106, 1},
      {0x111, 8},
      {0x112, static_cast<std::uint32_t>(orientation)},
      {0x115, 1},
      {0x116, rows},
      {0x117, static_cast<std::uint32_t>(pixels.size())}};
  append(file, number(static_cast<std::uint32_t>(std::size(tags)), 2));
  for (const auto& [tag, value] : tags) {
    append(file, number(tag, 2));
    append(file, number(4, 2));  // of 32 bits
    append(file, number(1));
    append(file, number(value));
  }
  append(file, Bytes(4));
  return file;
}

// A WebP file, lossless, of 2x3 pixels; the one but last is transparent. EXIF says 6.
inline Bytes webp() {
  return {82,  73,  70,  70,  118, 0,   0,   0,   87,  69,  66,  80,  86,  80,  56,  88,  10,  0,
          0,   0,   24,  0,   0,   0,   1,   0,   0,   2,   0,   0,   86,  80,  56,  76,  53,  0,
          0,   0,   47,  1,   128, 0,   16,  47,  64,  144, 109, 179, 57,  12,  236, 254, 50,  215,
          32,  147, 182, 201, 95,  135, 243, 239, 99,  4,   217, 54,  155, 200, 112, 238, 111, 244,
          249, 15,  0,   127, 242, 168, 108, 3,   129, 64,  26,  130, 137, 100, 131, 35,  250, 31,
          26,  0,   69,  88,  73,  70,  26,  0,   0,   0,   77,  77,  0,   42,  0,   0,   0,   8,
          0,   1,   1,   18,  0,   3,   0,   0,   0,   1,   0,   6,   0,   0,   0,   0,   0,   0};
}

}  // namespace espalier::testing
