// Codec: the three things that stb's headers do for us. Their code is in codec.cpp and nowhere
// else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace espalier::datasets {

// Pixels as stb has them: [H][W][C]. 1 channel is luminance, 3 are red, green and blue; with 2 and
// 4 the last one says how opaque a pixel is.
struct Pixels {
  std::unique_ptr<std::uint8_t[], void (*)(void*)> bytes = {nullptr, std::free};
  int channels = 0, height = 0, width = 0;
};

constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;
constexpr int kMostSide = 65535;

// Any of stb_image's formats but HDR and PIC. An Error that names the file when it is none,
// damaged, cut short, or larger than these limits or 256 MiB, which is found out before it is
// unpacked.
Pixels decode(const std::string& path);
// The same of a file's content; the name is for the errors.
Pixels decode(std::span<const std::byte> file, const std::string& name);

// The content of a PNG file of [height][width][channels].
std::string encode_png(std::span<const std::uint8_t> pixels, int channels, int height, int width);

}  // namespace espalier::datasets
