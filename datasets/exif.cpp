// EXIF: a TIFF header, and a directory of tags, one of which is the orientation.
#include "datasets/exif.h"

#include <algorithm>
#include <utility>

namespace espalier::datasets {

int exif_orientation(std::span<const std::byte> exif) {
  using namespace std::string_view_literals;
  Encoded tiff{exif, "", 0};
  if (tiff.has(0, "Exif\0\0"sv)) tiff.bytes = exif.subspan(6);
  const bool little = tiff.has(0, "II*\0"sv);
  if (!little && !tiff.has(0, "MM\0*"sv)) return 1;
  const auto two = [&](std::size_t i) { return little ? tiff.le16(i) : tiff.be16(i); };
  const std::size_t directory = little ? tiff.le32(4) : tiff.be32(4);
  for (unsigned k = 0; k < two(directory); ++k) {
    const std::size_t entry = directory + 2 + 12 * std::size_t{k};
    if (entry >= tiff.size()) break;
    constexpr unsigned kOrientation = 0x112, kShort = 3;
    if (two(entry) != kOrientation || two(entry + 2) != kShort) continue;
    const unsigned value = two(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Pixels upright(const Encoded& file, Pixels pixels, int orientation) {
  if (orientation <= 1 || orientation > 8) return pixels;
  const bool transposed = orientation >= 5;
  const bool flipped_down =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flipped_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const std::ptrdiff_t channels = pixels.channels, row = channels * pixels.width;
  const std::uint8_t* first = pixels.bytes.get();
  if (flipped_down) first += (pixels.height - 1) * row;
  if (flipped_right) first += row - channels;
  std::ptrdiff_t down = flipped_down ? -row : row, right = flipped_right ? -channels : channels;
  int height = pixels.height, width = pixels.width;
  if (transposed) std::swap(down, right), std::swap(height, width);

  Pixels result = file.allocate(pixels.channels, height, width);
  std::uint8_t* to = result.bytes.get();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x, to += channels)
      std::copy_n(first + y * down + x * right, channels, to);
  return result;
}

}  // namespace espalier::datasets
