// Codec: image files into pixels as image viewers show them. There is a file for each library that
// decodes: codec_stb.cpp, codec_webp.cpp, ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

namespace espalier::datasets {

// [H][W][C], from the top left. 1 channel is luminance, 3 are red, green and blue.
struct Pixels {
  std::unique_ptr<std::uint8_t[], void (*)(void*)> bytes = {nullptr, std::free};
  int channels = 0, height = 0, width = 0;
};

// The most pixels of an image unless the caller says otherwise, what that may be, and the longest
// side.
constexpr std::int64_t kMostPixels = std::int64_t{1} << 26, kMostMaxPixels = std::int64_t{1} << 28;
constexpr int kMostSide = 65535;

// JPEG, PNG, BMP, GIF (first frame), TGA, PSD and PNM; WebP and TIFF where they were compiled in.
// Turned upright by EXIF, transparent pixels over white, deeper samples rounded to 8 bits. An Error
// that names the file when it is no image, of a kind that is not read, damaged, cut short, larger
// than these limits or 256 MiB, or larger than its bytes could hold; all sizes are checked before
// memory is taken for them.
Pixels decode(const std::string& path, std::int64_t max_pixels = kMostPixels);
// The same of a file's content; the name is for the errors.
Pixels decode(std::span<const std::byte> file, const std::string& name,
              std::int64_t max_pixels = kMostPixels);

// Whether a file of this name is read: by its ending, ".jpg", ".PNG", ...
bool has_image_name(const std::string& name);
// The package that has to be there when Espalier is built so that files of this name are read; ""
// where none helps or is missing.
std::string missing_package(const std::string& name);

}  // namespace espalier::datasets
