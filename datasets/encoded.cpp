// Encoded: the checks before an image is decoded.
#include "datasets/encoded.h"

#include <algorithm>
#include <cstring>

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

void Encoded::fail_no_memory(std::int64_t width, std::int64_t height) const {
  fail(name, ": no memory for an image of ", width, "x", height);
}

Pixels Encoded::allocate(int channels, int height, int width) const {
  Pixels pixels;
  pixels.channels = channels, pixels.height = height, pixels.width = width;
  const std::size_t bytes = static_cast<std::size_t>(height) * width * channels;
  pixels.bytes.reset(static_cast<std::uint8_t*>(std::calloc(bytes, 1)));
  if (!pixels.bytes) fail_no_memory(width, height);
  return pixels;
}

}  // namespace espalier::datasets
