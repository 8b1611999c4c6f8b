// Codec: stb_image. Its functions are static here, so that programs may have copies of their own.
// What a file says of itself is read by our own means first, so that nothing is unpacked on the
// word of a file that is too short for it.
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "datasets/encoded.h"

namespace espalier::datasets {
namespace {

// What stb_image may take at once, and whether the system had less.
thread_local std::size_t most_memory = 0;
thread_local bool no_memory = false;

// Tables that a damaged JPEG file never sets are read all the same: they are zero then.
void* allocate(std::size_t bytes) {
  if (bytes > most_memory) return nullptr;
  void* block = std::calloc(1, std::max<std::size_t>(bytes, 1));
  no_memory |= !block;
  return block;
}
void* reallocate(void* block, std::size_t bytes) {
  if (bytes > most_memory) return nullptr;
  void* larger = std::realloc(block, std::max<std::size_t>(bytes, 1));
  no_memory |= !larger;
  return larger;
}

}  // namespace
}  // namespace espalier::datasets

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_MALLOC(bytes) espalier::datasets::allocate(bytes)
#define STBI_REALLOC(block, bytes) espalier::datasets::reallocate(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR  // its decoder never returns where the file ends too early
#define STBI_NO_PIC
#define STBI_NO_PNM  // without the largest value, and with the bytes of 16 bits swapped
#define STBI_NO_PSD  // without packed files of 16 bits, and without grey
#define STBI_NO_FAILURE_STRINGS
#include <stb/stb_image.h>

namespace espalier::datasets {
namespace {

struct ImageHeader {
  std::int64_t width = 0, height = 0;
  std::int64_t least_bytes = 0;  // that a file of such an image has
  int orientation = 1;           // as of EXIF
  bool deep = false;             // 16 bits a sample
  bool opaque = false;           // what stands in the place of alpha is none
  std::size_t cleared = 0;       // a byte, among the first 128, that stb_image is to see as zero
};

std::int64_t rounded_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

// Calls visit(marker, begin, length) for each segment that has one: begin is behind its two bytes
// of length. Walks as stb_image does: what is coded between segments holds no other markers.
template <class Visit>
void for_each_segment(const Encoded& file, const Visit& visit) {
  std::size_t at = 0;
  while (at < file.size()) {
    if (file.at(at++) != 0xff) continue;
    unsigned marker = 0xff;
    while (marker == 0xff && at < file.size()) marker = file.at(at++);
    if (marker == 0xd9) return;                                      // the end
    if (marker < 2 || (marker >= 0xd0 && marker <= 0xd8)) continue;  // nothing follows
    const std::size_t length = std::max(file.be16(at), 2u);
    visit(marker, at + 2, length - 2);
    at += length;
  }
}

// The Huffman tables of stb_image have room for 256 codes, the last of which it takes for a mark,
// and it does not look (as of 2.27).
void check_huffman_tables(const Encoded& file, std::size_t at, std::size_t length) {
  for (const std::size_t end = at + length; at < end;) {
    unsigned codes = 0;
    for (std::size_t bits = 1; bits <= 16; ++bits) codes += file.at(at + bits);
    check(codes <= 255, file.name,
          ": found a Huffman table of more than 255 codes, expected a whole image");
    at += 17 + codes;
  }
}

ImageHeader jpeg_header(const Encoded& file) {
  constexpr int kMostScans = 100;  // each goes over the whole image, however little it codes
  ImageHeader header;
  int scans = 0;
  bool progressive = false, exif = false;
  for_each_segment(file, [&](unsigned marker, std::size_t at, std::size_t length) {
    if (marker == 0xc4) {
      check_huffman_tables(file, at, length);
    } else if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc) {
      check(marker <= 0xc2, file.name, ": found a ",
            marker >= 0xc9 ? "JPEG image with arithmetic coding" : "lossless JPEG image",
            ", expected a baseline or progressive one");
      check(file.at(at) == 8, file.name, ": found a JPEG image of ", file.at(at),
            " bits a sample, expected 8");
      progressive = marker == 0xc2;
      header.height = file.be16(at + 1);
      header.width = file.be16(at + 3);
    } else if (marker == 0xda) {
      ++scans;
    } else if (marker == 0xe1 && !exif && file.has(at, "Exif")) {
      exif = true;
      header.orientation = exif_orientation(file.part(at, length));
    }
  });
  if (scans == 0 || header.width == 0) file.fail_damaged();
  check(scans <= kMostScans, file.name, ": found a JPEG image of ", scans,
        " scans, expected at most ", kMostScans);
  // A block has a code for its mean and one for the rest, which progressive files may leave to
  // later scans; a code has a bit at least.
  const std::int64_t blocks = rounded_up(header.width, 8) * rounded_up(header.height, 8);
  header.least_bytes = blocks * (progressive ? 1 : 2) / 8;
  return header;
}

ImageHeader png_header(const Encoded& file) {
  constexpr std::int64_t kMostInflation = 1032;  // of deflate
  constexpr int kSamples[] = {1, 0, 3, 1, 2, 0, 4};
  const unsigned colour = file.at(25);
  if (!file.has(12, "IHDR") || file.be32(8) != 13 || colour > 6 || kSamples[colour] == 0)
    file.fail_damaged();
  ImageHeader header{.width = file.be32(16), .height = file.be32(20)};
  header.deep = file.at(24) == 16;
  std::int64_t data = 0;
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = file.be32(at), all = length + 12;
    if (length > file.size() - at - 12) file.fail_cut_short();
    const auto content = file.part(at + 4, length + 4);  // its name included
    const bool critical = (file.at(at + 4) & 32) == 0;
    if (critical &&
        file.be32(at + 8 + length) != crc32(0, reinterpret_cast<const Bytef*>(content.data()),
                                            static_cast<uInt>(content.size())))
      file.fail_damaged();
    if (file.has(at + 4, "IDAT")) data += static_cast<std::int64_t>(length);
    if (file.has(at + 4, "eXIf")) header.orientation = exif_orientation(content.subspan(4));
    if (file.has(at + 4, "IEND")) break;
    at += all;
  }
  const auto size = static_cast<std::int64_t>(file.size());
  const std::int64_t row = rounded_up(header.width * kSamples[colour] * file.at(24), 8);
  if (header.height <= kMostSide)  // else it is refused anyway, and this might overflow
    header.least_bytes = size - data + header.height * row / kMostInflation;
  return header;
}

ImageHeader bmp_header(const Encoded& file) {
  const bool old = file.le32(14) == 12;
  ImageHeader header;
  header.width = old ? file.le16(18) : file.le32(18);
  header.height = old ? file.le16(20) : std::abs(std::int64_t{static_cast<int>(file.le32(22))});
  const unsigned bits = file.le16(old ? 24 : 28), coding = old ? 0 : file.le32(30);
  check(coding == 0 || coding == 3, file.name, ": found a BMP image in coding ", coding,
        ", expected an uncompressed one");
  header.opaque = coding == 0;
  const std::int64_t row = rounded_up(header.width * bits, 8);
  if (header.height > 0 && header.height <= kMostSide)
    header.least_bytes = file.le32(10) + (header.height - 1) * rounded_up(row, 4) + row;
  return header;
}

ImageHeader gif_header(const Encoded& file) {
  // A code of 12 bits stands for at most 4096 pixels. A first frame may be smaller than the image,
  // but not that much.
  constexpr std::int64_t kMostInflation = 4096 * 8 / 12 + 1;
  ImageHeader header{.width = file.le16(6), .height = file.le16(8)};
  header.least_bytes = header.width * header.height / kMostInflation;
  header.cleared = 11;  // the background's index: viewers take it for transparent
  return header;
}

ImageHeader tga_header(const Encoded& file) {
  constexpr std::int64_t kMostRun = 128;
  ImageHeader header{.width = file.le16(12), .height = file.le16(14)};
  const bool mapped = file.at(1) == 1, runs = file.at(2) >= 8;
  check(!mapped || file.le16(3) == 0, file.name, ": found a TGA image whose colour map begins at ",
        file.le16(3), ", expected 0");
  const std::int64_t before =
      18 + file.at(0) + (mapped ? file.le16(5) * ((file.at(7) + 7) / 8) : 0);
  const std::int64_t pixel = (file.at(16) + 7) / 8, area = header.width * header.height;
  header.least_bytes = before + (runs ? rounded_up(area, kMostRun) * (1 + pixel) : area * pixel);
  const unsigned descriptor = file.at(17);
  header.opaque = (descriptor & 15) == 0;
  header.orientation = descriptor & 16 ? 2 : 1;  // from right to left
  return header;
}

// Most of stb_image's decoders take the rest of an image for black where the file ends too early.
// Handing out the bytes ourselves, we see them ask for more than there are.
struct Source {
  std::span<const std::byte> left;
  std::size_t cleared;
  const char* buffer = nullptr;  // stb_image's own: it asks for that to be filled as far as it goes
  bool cut_short = false;

  static int read(void* user, char* to, int wanted) {
    auto& source = *static_cast<Source*>(user);
    if (!source.buffer) source.buffer = to;
    const std::size_t count = std::min(source.left.size(), static_cast<std::size_t>(wanted));
    if (source.left.empty() || (to != source.buffer && count < static_cast<std::size_t>(wanted)))
      source.cut_short = true;
    std::memcpy(to, source.left.data(), count);
    if (source.cleared > 0 && source.cleared < count) to[source.cleared] = 0;
    source.cleared = 0;
    source.left = source.left.subspan(count);
    return static_cast<int>(count);
  }
  static void skip(void* user, int count) {  // never backwards but within stb_image's own buffer
    auto& source = *static_cast<Source*>(user);
    source.left = source.left.subspan(
        std::min(source.left.size(), static_cast<std::size_t>(std::max(count, 0))));
  }
  static int at_end(void* user) { return static_cast<Source*>(user)->left.empty(); }
};

// 16 bits a sample to 8, in place.
void round_samples(Pixels& pixels) {
  const std::size_t count =
      static_cast<std::size_t>(pixels.height) * pixels.width * pixels.channels;
  std::uint8_t* bytes = pixels.bytes.get();
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t sample;
    std::memcpy(&sample, bytes + 2 * i, 2);
    bytes[i] = static_cast<std::uint8_t>((sample + 128u) / 257);
  }
}

Pixels decode_as(const Encoded& file, const ImageHeader& header) {
  file.check_size(header.width, header.height, header.least_bytes);
  // Its largest block: 4 samples of 16 bits a pixel, of as many pixels as fill up blocks of JPEG,
  // or twice that, as it doubles buffers; or the file's content.
  most_memory = static_cast<std::size_t>((header.width + 64) * (header.height + 64)) * 16 +
                2 * file.size() + (std::size_t{1} << 20);
  no_memory = false;
  Source source = {file.bytes, header.cleared};
  const stbi_io_callbacks callbacks = {Source::read, Source::skip, Source::at_end};
  Pixels pixels;
  // As many channels as the file has: it blends nothing itself.
  int *const width = &pixels.width, *const height = &pixels.height, *channels = &pixels.channels;
  if (header.deep)
    pixels.bytes.reset(reinterpret_cast<stbi_uc*>(
        stbi_load_16_from_callbacks(&callbacks, &source, width, height, channels, 0)));
  else
    pixels.bytes.reset(stbi_load_from_callbacks(&callbacks, &source, width, height, channels, 0));
  if (!pixels.bytes && no_memory) file.fail_no_memory(header.width, header.height);
  if (source.cut_short) file.fail_cut_short();
  if (!pixels.bytes || pixels.width != header.width || pixels.height != header.height)
    file.fail_damaged();
  if (header.deep) round_samples(pixels);
  if (header.opaque && pixels.channels % 2 == 0) {
    const std::size_t area = static_cast<std::size_t>(pixels.height) * pixels.width;
    for (std::size_t i = 1; i <= area; ++i) pixels.bytes[i * pixels.channels - 1] = 255;
  }
  return upright(file, std::move(pixels), header.orientation);
}

}  // namespace

Pixels decode_jpeg(const Encoded& file) { return decode_as(file, jpeg_header(file)); }
Pixels decode_png(const Encoded& file) { return decode_as(file, png_header(file)); }
Pixels decode_bmp(const Encoded& file) { return decode_as(file, bmp_header(file)); }
Pixels decode_gif(const Encoded& file) { return decode_as(file, gif_header(file)); }
Pixels decode_tga(const Encoded& file) { return decode_as(file, tga_header(file)); }

}  // namespace espalier::datasets
