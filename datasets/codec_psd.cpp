// Codec: the merged image of Photoshop's files, which is over white already. A plane for each
// channel, plain or packed row by row.
#include <algorithm>
#include <vector>

#include "core/error.h"
#include "datasets/encoded.h"

namespace espalier::datasets {
namespace {

enum Mode { Grey = 1, Indexed = 2, RGB = 3, CMYK = 4, Duotone = 8 };

// Unpacks a row (PackBits). What a byte below 128 is followed by is copied, one above 128 says how
// often the next is repeated.
void unpack(const Encoded& row, std::vector<std::byte>& to) {
  for (std::size_t at = 0, made = 0; made < to.size();) {
    if (at >= row.size()) row.fail_damaged();
    const unsigned code = row.at(at++);
    if (code == 128) continue;
    const bool copied = code < 128;
    const std::size_t run = copied ? code + 1 : 257 - code, taken = copied ? run : 1;
    if (run > to.size() - made || taken > row.size() - at) row.fail_damaged();
    for (std::size_t i = 0; i < run; ++i) to[made++] = row.bytes[at + (copied ? i : 0)];
    at += taken;
  }
}

}  // namespace

Pixels decode_psd(const Encoded& file) {
  const unsigned channels = file.be16(12), depth = file.be16(22), mode = file.be16(24);
  const std::int64_t height = file.be32(14), width = file.be32(18);
  check(file.be16(4) == 1 && (depth == 8 || depth == 16), file.name,
        ": found a PSD image of version ", file.be16(4), " and ", depth,
        " bits a sample, expected version 1 and 8 or 16 bits");
  check((mode >= Grey && mode <= CMYK) || mode == Duotone, file.name,
        ": found a PSD image of mode ", mode, ", expected grey, duotone, indexed, RGB or CMYK");
  const unsigned used = mode == RGB ? 3 : mode == CMYK ? 4 : 1;
  if (channels < used || channels > 56 || (mode == Indexed && depth != 8)) file.fail_damaged();

  // Palette, resources and layers, each behind its length.
  const std::size_t palette = 30;
  std::size_t at = 26;
  for (int block = 0; block < 3; ++block) {
    const std::size_t length = file.be32(at);
    if (at + 4 > file.size() || length > file.size() - at - 4) file.fail_damaged();
    if (block == 0 && mode == Indexed && length < 768) file.fail_damaged();
    at += 4 + length;
  }
  const unsigned coding = file.be16(at);
  check(coding <= 1, file.name, ": found a PSD image in coding ", coding,
        ", expected 0 (plain) or 1 (packed)");
  at += 2;
  file.check_size(width, height, 0);
  const std::int64_t row = width * depth / 8, rows = height * channels;
  constexpr std::int64_t kMostRun = 128;                                      // in two bytes
  const std::int64_t packed_row = 2 + 2 * ((row + kMostRun - 1) / kMostRun);  // with its length
  file.check_size(width, height,
                  static_cast<std::int64_t>(at) + rows * (coding ? packed_row : row));

  // Rows of one channel after the other; those of channels that are not used are skipped.
  Pixels pixels =
      file.allocate(mode == Indexed ? 3 : std::min(static_cast<int>(used), 3), height, width);
  std::vector<std::byte> unpacked(static_cast<std::size_t>(row));
  std::size_t lengths = at;
  if (coding) at += 2 * static_cast<std::size_t>(rows);
  for (unsigned c = 0; c < used; ++c)
    for (std::int64_t y = 0; y < height; ++y, lengths += 2) {
      const std::size_t length = coding ? file.be16(lengths) : unpacked.size();
      Encoded line{file.part(at, length), file.name, 0};
      if (coding) {
        unpack(line, unpacked);
        line.bytes = unpacked;
      }
      at += length;
      std::uint8_t* to = pixels.bytes.get() + y * width * pixels.channels;
      for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x, to += pixels.channels) {
        const unsigned value = depth == 8 ? line.at(x) : (line.be16(2 * x) + 128u) / 257;
        if (mode == Indexed)
          for (unsigned k = 0; k < 3; ++k)
            to[k] = static_cast<std::uint8_t>(file.at(palette + 256 * k + value));
        else if (c < 3)
          to[c] = static_cast<std::uint8_t>(value);
        else  // black; inks are stored inverted
          for (unsigned k = 0; k < 3; ++k)
            to[k] = static_cast<std::uint8_t>((to[k] * value + 127) / 255);
      }
    }
  return pixels;
}

}  // namespace espalier::datasets
