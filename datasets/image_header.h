// Image header: what the files that stb_image decodes say of themselves, read by our own means, so
// that nothing is unpacked on the word of a file that is too short for it.
#pragma once

#include "datasets/encoded.h"

namespace espalier::datasets {

struct ImageHeader {
  std::int64_t width = 0, height = 0;
  std::int64_t least_bytes = 0;  // that a file of such an image has
  int orientation = 1;           // as of EXIF
  bool deep = false;             // 16 bits a sample
  bool opaque = false;           // what stands in the place of alpha is none
  std::size_t cleared = 0;       // a byte, among the first 128, that stb_image is to see as zero
};

// An Error where the header is damaged or of a kind that stb_image does not read.
ImageHeader jpeg_header(const Encoded& file);
ImageHeader png_header(const Encoded& file);
ImageHeader bmp_header(const Encoded& file);
ImageHeader gif_header(const Encoded& file);
ImageHeader tga_header(const Encoded& file);

// JPEG, PNG, BMP, GIF (first frame) and TGA by stb_image. 2 and 4 channels are left as they are.
Pixels decode_stb(const Encoded& file, const ImageHeader& header);

}  // namespace espalier::datasets
