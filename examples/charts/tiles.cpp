// Tiles: the pixels, as one PNG within the picture, and the layout.
#include "examples/charts/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "datasets/picture.h"

namespace espalier::charts {
namespace {

constexpr double kWidth = 420, kLeft = 4, kGap = 5;

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k <= bytes.size() ? kDigits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

bool is_gone(const Tiles::Tile& tile) {
  return std::all_of(tile.values.begin(), tile.values.end(), [](float v) { return v == 0; });
}

// Red, green, blue and opacity of a tile's pixels, as a PNG file.
std::string png_of(const Tiles& tiles, const Tiles::Tile& tile) {
  const auto plane = static_cast<std::size_t>(tiles.height) * static_cast<std::size_t>(tiles.width);
  const auto channels = static_cast<std::size_t>(tiles.channels);
  constexpr std::uint8_t kInk[] = {213, 94, 0};  // seen on light and on dark
  float largest = 0;
  for (const float v : tile.values) largest = std::max(largest, std::abs(v));
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < plane; ++i) {
    if (tiles.ink) {
      pixels.insert(pixels.end(), std::begin(kInk), std::end(kInk));
      const float share = std::clamp(tile.values[i], 0.0F, 1.0F);
      pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * share)));
      continue;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      const float v = tile.values[(channels == 3 ? c : 0) * plane + i];
      pixels.push_back(static_cast<std::uint8_t>(std::lround(127.5F + 127.5F * v / largest)));
    }
    pixels.push_back(255);
  }
  return datasets::encode_png(pixels, 4, tiles.height, tiles.width);
}

}  // namespace

std::string svg(const Tiles& tiles, Place place) {
  check(tiles.channels == 1 || tiles.channels == 3, "tiles: found ", tiles.channels,
        " channels, expected 1 or 3");
  const auto columns = static_cast<std::size_t>(tiles.columns);
  const double wide = (kWidth - 2 * kLeft + kGap) / tiles.columns - kGap;
  const double high = wide * tiles.height / tiles.width;
  const double top = tiles.subtitle.empty() ? 40 : 60;
  std::string body;
  for (std::size_t i = 0; i < tiles.tiles.size(); ++i) {
    const Tiles::Tile& tile = tiles.tiles[i];
    const double x = kLeft + (wide + kGap) * static_cast<double>(i % columns);
    const double y = top + (high + kGap) * static_cast<double>(i / columns);
    const bool gone = !tiles.ink && is_gone(tile);
    body += rectangle("hole", x, y, wide, high, gone ? tip(tile.name + ": removed") : "");
    if (gone) {
      body += line("lead", x, y, x + wide, y + high) + line("lead", x, y + high, x + wide, y);
      continue;
    }
    check(tile.values.size() == static_cast<std::size_t>(tiles.channels) *
                                    static_cast<std::size_t>(tiles.height * tiles.width),
          "tiles: found ", tile.values.size(), " values, expected [", tiles.channels, ", ",
          tiles.height, ", ", tiles.width, "]");
    body += "<image x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(wide) +
            "\" height=\"" + number(high) +
            "\" preserveAspectRatio=\"none\" href=\"data:image/png;base64," +
            base64(png_of(tiles, tile)) + "\">" + tip(tile.name) + "</image>\n";
  }
  const auto rows = static_cast<double>((tiles.tiles.size() + columns - 1) / columns);
  return framed({kWidth, top + rows * (high + kGap) + 8, kLeft, tiles.title, tiles.subtitle, place},
                body);
}

}  // namespace espalier::charts
