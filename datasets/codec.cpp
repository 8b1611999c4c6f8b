// Codec: which decoder reads a file is found out by its first bytes, never by its name.
#include "datasets/codec.h"

#include <cctype>
#include <new>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "core/file_kind.h"
#include "datasets/encoded.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

struct Format {
  const char* name;
  std::string_view endings;  // of files' names, in lower case, between spaces
  bool (*is)(const Encoded&);
  Decode* decode;            // null: is not read
  const char* package = "";  // that has to be there for it when Espalier is built
};

bool is_jpeg(const Encoded& file) { return file.has(0, "\xff\xd8"); }
bool is_png(const Encoded& file) { return file.has(0, "\x89PNG\r\n\x1a\n"); }
bool is_bmp(const Encoded& file) { return file.has(0, "BM"); }
bool is_gif(const Encoded& file) { return file.has(0, "GIF87a") || file.has(0, "GIF89a"); }
bool is_psd(const Encoded& file) { return file.has(0, "8BPS"); }
bool is_pnm(const Encoded& file) {
  const bool ends = std::isspace(static_cast<int>(file.at(2))) || file.at(2) == '#';
  return file.at(0) == 'P' && file.at(1) >= '1' && file.at(1) <= '6' && ends;
}
bool is_webp(const Encoded& file) { return file.has(0, "RIFF") && file.has(8, "WEBP"); }
bool is_tiff(const Encoded& file) {
  using namespace std::string_view_literals;
  return file.has(0, "II*\0"sv) || file.has(0, "MM\0*"sv) || file.has(0, "II+\0"sv) ||
         file.has(0, "MM\0+"sv);
}
bool is_heif(const Encoded& file) { return file.has(4, "ftyp"); }
// It has no signature: its fields have to make sense.
bool is_tga(const Encoded& file) {
  const unsigned type = file.at(2), bits = file.at(16);
  const bool mapped = file.at(1) == 1;
  const bool known =
      mapped ? type == 1 || type == 9 : type == 2 || type == 3 || type == 10 || type == 11;
  const bool depth =
      bits == 8 || bits == 16 || (!mapped && (bits == 15 || bits == 24 || bits == 32));
  return file.at(1) <= 1 && known && depth && file.le16(12) > 0 && file.le16(14) > 0;
}

const Format kFormats[] = {
    {"JPEG", " jpg jpeg jpe jfif ", is_jpeg, decode_jpeg},
    {"PNG", " png apng ", is_png, decode_png},
    {"BMP", " bmp dib ", is_bmp, decode_bmp},
    {"GIF", " gif ", is_gif, decode_gif},
    {"PSD", " psd ", is_psd, decode_psd},
    {"PNM", " pnm pbm pgm ppm ", is_pnm, decode_pnm},
    {"WebP", " webp ", is_webp, decode_webp, "libwebp-dev"},
    {"TIFF", " tif tiff ", is_tiff, decode_tiff, "libtiff-dev"},
    {"HEIF or AVIF", "", is_heif, nullptr},
    {"TGA", " tga ", is_tga, decode_tga},
};

// "JPEG, PNG, ... or TGA"
std::string names_of_read() {
  std::string text, last;
  for (const Format& format : kFormats) {
    if (!format.decode) continue;
    if (!last.empty()) text += (text.empty() ? "" : ", ") + last;
    last = format.name;
  }
  return text + " or " + last;
}

const Format& format_of(const Encoded& file) {
  for (const Format& format : kFormats) {
    if (!format.is(file)) continue;
    const std::string package = format.package;
    check(format.decode, file.name, ": found a ", format.name, " image, expected ", names_of_read(),
          package.empty() ? "" : " (to read it, install " + package + " and build Espalier again)");
    return format;
  }
  fail(file.name, ": found ", kind_of(file.bytes, file.name).or_else("no image"), ", expected ",
       names_of_read());
}

const Format* format_of_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return nullptr;  // ".png" is a hidden file
  const std::string ending = lower_case(name.substr(dot + 1));
  for (const Format& format : kFormats)
    if (format.endings.find(' ' + ending + ' ') != format.endings.npos) return &format;
  return nullptr;
}

// Over white, in place: 2 channels become 1, and 4 become 3.
void blend(Pixels& pixels) {
  if (pixels.channels == 1 || pixels.channels == 3) return;
  const int colours = pixels.channels - 1;
  const std::size_t area = static_cast<std::size_t>(pixels.height) * pixels.width;
  const std::uint8_t* from = pixels.bytes.get();
  std::uint8_t* to = pixels.bytes.get();
  for (std::size_t i = 0; i < area; ++i, from += colours + 1) {
    const unsigned opaque = from[colours];
    for (int c = 0; c < colours; ++c)
      *to++ = static_cast<std::uint8_t>((from[c] * opaque + 255 * (255 - opaque) + 127) / 255);
  }
  pixels.channels = colours;
}

}  // namespace

Pixels decode(std::span<const std::byte> file, const std::string& name, std::int64_t max_pixels) {
  check(max_pixels > 0 && max_pixels <= kMostMaxPixels, "decode: found a limit of ", max_pixels,
        " pixels, expected 1 to ", kMostMaxPixels);
  check(!file.empty(), name, ": found an empty file, expected an image");
  check(file.size() <= kMostBytes, name, ": found ", file.size(),
        " bytes, expected an image of at most ", kMostBytes);
  const Encoded encoded{file, name, max_pixels};
  try {
    Pixels pixels = format_of(encoded).decode(encoded);
    blend(pixels);
    return pixels;
  } catch (const std::bad_alloc&) {
    fail(name, ": no memory to decode it");
  }
}

Pixels decode(const std::string& path, std::int64_t max_pixels) {
  const std::size_t hint = file_size_hint(path);
  check(hint <= kMostBytes, path, ": found ", hint, " bytes, expected an image of at most ",
        kMostBytes);
  return decode(read_file(path), path, max_pixels);
}

bool has_image_name(const std::string& name) {
  const Format* format = format_of_name(name);
  return format && format->decode;
}

std::string missing_package(const std::string& name) {
  const Format* format = format_of_name(name);
  return format && !format->decode ? format->package : "";
}

}  // namespace espalier::datasets
