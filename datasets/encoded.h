// Encoded: the content of an image file as the decoders read it, and what all of them need: checks
// before anything is allocated, and the way up that a camera noted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "datasets/codec.h"

namespace espalier::datasets {

struct Encoded {
  std::span<const std::byte> bytes;
  std::string name;  // for errors
  std::int64_t max_pixels;

  std::size_t size() const { return bytes.size(); }
  // What lies behind the end reads as zero.
  unsigned at(std::size_t i) const { return i < size() ? static_cast<unsigned>(bytes[i]) : 0; }
  unsigned be16(std::size_t i) const { return at(i) << 8 | at(i + 1); }
  unsigned be32(std::size_t i) const { return be16(i) << 16 | be16(i + 2); }
  unsigned le16(std::size_t i) const { return at(i) | at(i + 1) << 8; }
  unsigned le32(std::size_t i) const { return le16(i) | le16(i + 2) << 16; }
  bool has(std::size_t i, std::string_view text) const;  // whether the text stands there
  std::span<const std::byte> part(std::size_t begin, std::size_t count) const;  // as far as it goes

  // An Error unless an image of this size is within the limits, and so many bytes, the least that
  // it can be encoded in, are there.
  void check_size(std::int64_t width, std::int64_t height, std::int64_t least_bytes) const;
  [[noreturn]] void fail_damaged() const;
  [[noreturn]] void fail_cut_short() const;
  [[noreturn]] void fail_no_memory(std::int64_t width, std::int64_t height) const;
  // Room for an image of a size that was checked, zeros.
  Pixels allocate(int channels, std::int64_t height, std::int64_t width) const;
};

// The orientation, 1 to 8, in EXIF data with or without "Exif\0\0" before it; 1, which is upright,
// where it holds none.
int exif_orientation(std::span<const std::byte> exif);
// The pixels of an image of this orientation, upright.
Pixels upright(const Encoded& file, Pixels pixels, int orientation);

// One for each format. 2 and 4 channels are left for datasets::decode() to blend.
using Decode = Pixels(const Encoded&);
Decode decode_jpeg, decode_png, decode_bmp, decode_gif, decode_tga;  // by stb_image
Decode decode_pnm;  // PBM, PGM and PPM, as text and binary
Decode decode_psd;  // the merged image: grey, RGB, CMYK or indexed
// Null where the library was not there when these were compiled.
extern Decode* const decode_webp;  // the first frame
extern Decode* const decode_tiff;  // the first page

}  // namespace espalier::datasets
