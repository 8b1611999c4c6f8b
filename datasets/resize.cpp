// Resize: first along the rows, then along the columns, with the weights as whole numbers.
#include "datasets/resize.h"

#include <algorithm>
#include <cstdlib>

namespace espalier::datasets {
namespace {

// What one pixel of a resized line is made of: pixels first, first + 1, ... of the line before.
struct Weights {
  std::int64_t first = 0, sum = 0;
  std::vector<std::int64_t> values;
};

// In units of 1 / (2 to) pixels, the middles lie at (2u + 1) to before and at (2x + 1) from after.
// The triangle falls by one a unit, from 2 max(from, to) at its middle.
std::vector<Weights> weights_of(std::int64_t from, std::int64_t to) {
  const std::int64_t height = 2 * std::max(from, to);
  std::vector<Weights> all(static_cast<std::size_t>(to));
  for (std::int64_t x = 0; x < to; ++x) {
    const std::int64_t middle = (2 * x + 1) * from;
    Weights& w = all[x];
    w.first = std::max<std::int64_t>(0, (middle - height) / (2 * to));
    for (std::int64_t u = w.first; u < from && (2 * u + 1) * to < middle + height; ++u) {
      const std::int64_t value = height - std::abs((2 * u + 1) * to - middle);
      w.values.push_back(std::max<std::int64_t>(value, 0));
      w.sum += w.values.back();
    }
  }
  return all;
}

// The sum of the values of a line, `stride` apart, by their weights.
template <class Value>
std::int64_t weighted(const Weights& w, const Value* line, std::size_t stride) {
  std::int64_t total = 0;
  const Value* value = line + static_cast<std::size_t>(w.first) * stride;
  for (std::size_t k = 0; k < w.values.size(); ++k) total += w.values[k] * value[k * stride];
  return total;
}

std::int64_t rounded(std::int64_t value, std::int64_t by) { return (2 * value + by) / (2 * by); }

}  // namespace

Part middle_of(const Pixels& pixels, int height, int width) {
  const auto scaled = [](int side, int to, int of) {  // at least one pixel
    return std::max(1, static_cast<int>((std::int64_t{side} * to + of / 2) / of));
  };
  Part part = {0, 0, pixels.height, pixels.width};
  if (std::int64_t{pixels.width} * height > std::int64_t{pixels.height} * width)
    part.width = std::min(pixels.width, scaled(pixels.height, width, height));
  else
    part.height = std::min(pixels.height, scaled(pixels.width, height, width));
  part.top = (pixels.height - part.height) / 2;
  part.left = (pixels.width - part.width) / 2;
  return part;
}

std::vector<std::uint8_t> resize(const Pixels& from, const Part& part, int height, int width) {
  const auto channels = static_cast<std::size_t>(from.channels);
  const std::size_t row_before = channels * static_cast<std::size_t>(from.width);
  const std::size_t row = channels * static_cast<std::size_t>(width);

  // [part.height][width][C], with eight bits behind the point.
  std::vector<std::uint16_t> between(static_cast<std::size_t>(part.height) * row);
  const auto across = weights_of(part.width, width);
  const std::uint8_t* first = from.bytes.get() + part.top * row_before + part.left * channels;
  for (int y = 0; y < part.height; ++y)
    for (int x = 0; x < width; ++x)
      for (std::size_t c = 0; c < channels; ++c)
        between[y * row + x * channels + c] = static_cast<std::uint16_t>(rounded(
            256 * weighted(across[x], first + y * row_before + c, channels), across[x].sum));

  std::vector<std::uint8_t> result(static_cast<std::size_t>(height) * row);
  const auto down = weights_of(part.height, height);
  for (int y = 0; y < height; ++y)
    for (std::size_t i = 0; i < row; ++i)
      result[y * row + i] = static_cast<std::uint8_t>(
          rounded(weighted(down[y], between.data() + i, row), 256 * down[y].sum));
  return result;
}

}  // namespace espalier::datasets
