// Encoded: checks, and EXIF: a TIFF header and a directory of tags, one of which is the
// orientation.
#include "datasets/encoded.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace espalier::datasets {

bool Encoded::has(std::size_t i, std::string_view text) const {
  return i + text.size() <= size() && std::memcmp(bytes.data() + i, text.data(), text.size()) == 0;
}

std::span<const std::byte> Encoded::part(std::size_t begin, std::size_t count) const {
  begin = std::min(begin, size());
  return bytes.subspan(begin, std::min(count, size() - begin));
}

void Encoded::check_size(std::int64_t width, std::int64_t height, std::int64_t least_bytes) const {
  check(width > 0 && width <= kMostSide && height > 0 && height <= kMostSide &&
            width * height <= max_pixels,
        name, ": found an image of ", width, "x", height, ", expected at most ", max_pixels,
        " pixels and sides of 1 to ", kMostSide);
  check(static_cast<std::int64_t>(size()) >= least_bytes, name, ": found ", size(),
        " bytes for an image of ", width, "x", height, ", expected at least ", least_bytes);
}

void Encoded::fail_damaged() const { fail(name, ": found a damaged image, expected a whole one"); }

void Encoded::fail_cut_short() const {
  fail(name, ": found the end of the file after ", size(), " bytes, expected more of the image");
}

void Encoded::fail_no_memory(std::int64_t width, std::int64_t height) const {
  fail(name, ": no memory for an image of ", width, "x", height);
}

Pixels Encoded::allocate(int channels, std::int64_t height, std::int64_t width) const {
  const auto bytes = static_cast<std::size_t>(height * width * channels);
  Pixels pixels = {
      .channels = channels, .height = static_cast<int>(height), .width = static_cast<int>(width)};
  pixels.bytes.reset(static_cast<std::uint8_t*>(std::calloc(bytes, 1)));
  if (!pixels.bytes) fail_no_memory(width, height);
  return pixels;
}

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
