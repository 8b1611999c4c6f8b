// Augmentation: where each pixel of a result comes from is tabulated for an image, so that the copy
// itself is one look-up of the byte and one of its normalised value.
#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "datasets/loader.h"

namespace espalier::datasets {
namespace {

template <class T>
using PooledVector = std::vector<T, PoolAllocator<T>>;

// The normalised value of each byte: [channels][256].
PooledVector<float> value_table(const Normalisation& n, int channels) {
  PooledVector<float> table(static_cast<std::size_t>(channels) * 256);
  for (int c = 0; c < channels; ++c)
    for (int byte = 0; byte < 256; ++byte)
      table[c * 256 + byte] = (static_cast<float>(byte) / 255 - n.mean[c]) / n.std[c];
  return table;
}

// Mirrors a coordinate that lies up to size - 1 outside: -1 -> 1, size -> size - 2.
int reflect(int at, int size) {
  if (at < 0) at = -at;
  return at < size ? at : 2 * size - 2 - at;
}

}  // namespace

void write_batch(const Dataset& data, std::span<const std::uint32_t> indices,
                 const Normalisation& normalisation, const LoaderOptions& options,
                 std::uint64_t seed, const Planes& to) {
  check(to.images == static_cast<std::int64_t>(indices.size()) && to.channels == data.channels &&
            to.height == data.height && to.width == data.width,
        "write_batch: found room for ", to.images, " pictures of ", to.channels, "x", to.height,
        "x", to.width, ", expected ", indices.size(), " of ", data.channels, "x", data.height, "x",
        data.width);
  for (const std::uint32_t index : indices)
    check(index < data.size(), "write_batch: found index ", index, ", expected less than ",
          data.size());
  const auto table = value_table(normalisation, data.channels);
  const int height = data.height, width = data.width, area = height * width;
  // A border as wide as the picture could not be mirrored.
  const int crop = std::min({options.crop, height - 1, width - 1});
  PooledVector<int> from_x(width), from_y(height);
  for (int block = 0; block < to.blocks; ++block) {
    const int live = static_cast<int>(std::min<std::int64_t>(
        to.lanes, static_cast<std::int64_t>(indices.size()) - block * to.lanes));
    for (int c = 0; c < data.channels; ++c) {
      zero_halo(to, block, c);
      if (live == to.lanes) continue;
      for (int y = 0; y < height; ++y)
        std::fill_n(to.plane(block, c) + y * to.row_stride, width * to.lanes, 0.0f);
    }
    for (int lane = 0; lane < live; ++lane) {
      const std::uint32_t index = indices[block * to.lanes + lane];
      Rng rng = Rng(seed).split(index);
      const int down = crop ? static_cast<int>(rng.below(2 * crop + 1)) - crop : 0;
      const int right = crop ? static_cast<int>(rng.below(2 * crop + 1)) - crop : 0;
      const bool flip = options.flip && rng.below(2) == 1;
      for (int y = 0; y < height; ++y) from_y[y] = reflect(y + down, height) * width;
      for (int x = 0; x < width; ++x) from_x[flip ? width - 1 - x : x] = reflect(x + right, width);
      const std::uint8_t* picture = data.picture(index);
      for (int c = 0; c < data.channels; ++c) {
        const float* values = table.data() + c * 256;
        for (int y = 0; y < height; ++y) {
          const std::uint8_t* row = picture + c * area + from_y[y];
          float* out = to.plane(block, c) + y * to.row_stride + lane;
          for (int x = 0; x < width; ++x) out[x * to.lanes] = values[row[from_x[x]]];
        }
      }
    }
  }
}

}  // namespace espalier::datasets
