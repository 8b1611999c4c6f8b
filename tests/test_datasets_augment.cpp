// Batches in lanes against a plain reference: mirrored border, crop, flip, normalisation.
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/tensor.h"
#include "datasets/loader.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;

namespace {

// A picture with a mirrored border of so many pixels: [C][H + 2 crop][W + 2 crop].
std::vector<float> bordered(const Dataset& data, std::uint32_t index, const Normalisation& n,
                            int crop) {
  std::vector<float> result;
  for (int c = 0; c < data.channels; ++c)
    for (int y = -crop; y < data.height + crop; ++y)
      for (int x = -crop; x < data.width + crop; ++x) {
        const int row = y < 0 ? -y : y >= data.height ? 2 * (data.height - 1) - y : y;
        const int column = x < 0 ? -x : x >= data.width ? 2 * (data.width - 1) - x : x;
        const float byte = data.picture(index)[(c * data.height + row) * data.width + column];
        result.push_back((byte / 255 - n.mean[c]) / n.std[c]);
      }
  return result;
}

// The window of the bordered picture whose corner is (down, right), perhaps mirrored.
std::vector<float> window(const Dataset& data, const std::vector<float>& from, int crop, int down,
                          int right, bool flip) {
  const int height = data.height + 2 * crop, width = data.width + 2 * crop;
  std::vector<float> result;
  for (int c = 0; c < data.channels; ++c)
    for (int y = 0; y < data.height; ++y)
      for (int x = 0; x < data.width; ++x) {
        const int column = flip ? data.width - 1 - x : x;
        result.push_back(from[(c * height + y + down) * width + column + right]);
      }
  return result;
}

struct Written {
  Tensor images;
  std::vector<float> picture(std::size_t i) const {
    const std::vector<float> all = images.to_vector();
    const std::size_t size = all.size() / static_cast<std::size_t>(images.size(0));
    return {all.begin() + static_cast<std::ptrdiff_t>(i * size),
            all.begin() + static_cast<std::ptrdiff_t>((i + 1) * size)};
  }
};

Written batch_of(const Dataset& data, const std::vector<std::uint32_t>& indices,
                 const Normalisation& n, const LoaderOptions& options, std::uint64_t seed,
                 const Layout& layout = Layout::for_batch(1, true, 1)) {
  Written batch;
  batch.images = Tensor::empty(
      {static_cast<std::int64_t>(indices.size()), data.channels, data.height, data.width}, layout);
  // Whatever is not written shows.
  std::fill_n(batch.images.mutable_data(), batch.images.storage_size(),
              std::numeric_limits<float>::quiet_NaN());
  write_batch(data, indices, n, options, seed, batch.images.planes());
  return batch;
}

// Halo zero, and no value that is not finite, in padding lanes either.
void check_layout(const Tensor& t) {
  const Planes p = t.planes();
  for (std::int64_t i = 0; i < t.storage_size(); ++i) REQUIRE(t.data()[i] == t.data()[i]);
  for (int block = 0; block < p.blocks; ++block)
    for (int c = 0; c < p.channels; ++c)
      for (int y = -p.halo; y < p.height + p.halo; ++y)
        for (int x = -p.halo; x < p.width + p.halo; ++x)
          if (y < 0 || y >= p.height || x < 0 || x >= p.width)
            for (int lane = 0; lane < p.lanes; ++lane)
              REQUIRE(p.plane(block, c)[y * p.row_stride + x * p.lanes + lane] == 0);
}

}  // namespace

TEST_CASE("augment: without options, the normalised pictures in any layout") {
  const Dataset data = random_set(40, 3, 5, 7);
  const Normalisation n = normalisation(data);
  for (const std::size_t count : {1, 15, 16, 17, 33})
    for (const Layout& layout : {Layout::for_batch(1, true, 1), Layout::for_batch(1, false, 2),
                                 Layout::for_batch(1, true, 0)}) {
      std::vector<std::uint32_t> indices;
      for (std::size_t i = 0; i < count; ++i)
        indices.push_back(static_cast<std::uint32_t>(i * 7 % 40));
      const Written batch = batch_of(data, indices, n, {}, 3, layout);
      check_layout(batch.images);
      const std::vector<float> all = batch.images.to_vector();
      for (std::size_t i = 0; i < count; ++i) {
        const auto expected = bordered(data, indices[i], n, 0);
        CHECK(std::equal(expected.begin(), expected.end(),
                         all.begin() + static_cast<std::ptrdiff_t>(i * 105)));
      }
    }
}

TEST_CASE("augment: each picture is a window of the mirrored one, and every window comes up") {
  const Dataset data = random_set(20, 2, 6, 9);
  const Normalisation n = normalisation(data);
  const int crop = 2;
  std::vector<std::uint32_t> indices(20);
  for (std::uint32_t i = 0; i < 20; ++i) indices[i] = i;
  int seen[2][5][5] = {};
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Written batch = batch_of(data, indices, n, {.crop = crop, .flip = true}, seed);
    check_layout(batch.images);
    for (std::uint32_t i = 0; i < 20; ++i) {
      const std::vector<float> found = batch.picture(i), from = bordered(data, i, n, crop);
      int matches = 0;
      for (int flip = 0; flip < 2; ++flip)
        for (int down = 0; down <= 2 * crop; ++down)
          for (int right = 0; right <= 2 * crop; ++right)
            if (found == window(data, from, crop, down, right, flip == 1)) {
              ++matches;
              ++seen[flip][down][right];
            }
      CHECK(matches == 1);
    }
  }
  // 800 pictures on 50 windows: 16 each, with a deviation of 4.
  for (const auto& flips : seen)
    for (const auto& row : flips)
      for (const int count : row) {
        CHECK(count > 0);
        CHECK(count < 40);
      }
}

TEST_CASE("augment: only what was asked for is done") {
  const Dataset data = random_set(30, 1, 4, 5);
  const Normalisation n = normalisation(data);
  std::vector<std::uint32_t> indices(30);
  for (std::uint32_t i = 0; i < 30; ++i) indices[i] = i;
  const Written flips = batch_of(data, indices, n, {.flip = true}, 1);
  const Written crops = batch_of(data, indices, n, {.crop = 1}, 1);
  int flipped = 0;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const auto plain = bordered(data, i, n, 0), wide = bordered(data, i, n, 1);
    const auto mirrored = window(data, plain, 0, 0, 0, true);
    const bool is_mirrored = flips.picture(i) == mirrored;
    flipped += is_mirrored;
    CHECK((is_mirrored || flips.picture(i) == plain));
    int matches = 0;
    for (int down = 0; down <= 2; ++down)
      for (int right = 0; right <= 2; ++right)
        matches += crops.picture(i) == window(data, wide, 1, down, right, false);
    CHECK(matches >= 1);
  }
  CHECK(flipped > 5);
  CHECK(flipped < 25);
}

TEST_CASE("augment: a picture's cut follows from the seed and its index, not from its place") {
  const Dataset data = random_set(50, 3, 8, 8);
  const Normalisation n = normalisation(data);
  const LoaderOptions options = {.crop = 3, .flip = true};
  std::vector<std::uint32_t> forwards, backwards;
  for (std::uint32_t i = 0; i < 20; ++i) forwards.push_back(i), backwards.push_back(19 - i);
  const Written a = batch_of(data, forwards, n, options, 11),
                b = batch_of(data, backwards, n, options, 11);
  int same_with_other_seed = 0;
  const Written c = batch_of(data, forwards, n, options, 12);
  for (std::uint32_t i = 0; i < 20; ++i) {
    CHECK(a.picture(i) == b.picture(19 - i));
    CHECK(a.picture(i) == batch_of(data, {i}, n, options, 11).picture(0));
    same_with_other_seed += a.picture(i) == c.picture(i);
  }
  CHECK(same_with_other_seed < 5);
}

TEST_CASE("augment: pictures narrower than the border are cut as far as they can be mirrored") {
  const Dataset data = random_set(8, 1, 3, 2);
  const Normalisation n = normalisation(data);
  for (std::uint32_t i = 0; i < 8; ++i) {
    const Written batch = batch_of(data, {i}, n, {.crop = 4}, i);
    const auto wide = bordered(data, i, n, 1);
    int matches = 0;
    for (int down = 0; down <= 2; ++down)
      for (int right = 0; right <= 2; ++right)
        matches += batch.picture(0) == window(data, wide, 1, down, right, false);
    CHECK(matches >= 1);
  }
  const Dataset point = random_set(1, 1, 1, 1);
  CHECK(
      batch_of(point, {0}, normalisation(point), {.crop = 2, .flip = true}, 0).picture(0).size() ==
      1);
}

TEST_CASE("augment: indices and shapes that do not fit are refused") {
  const Dataset data = random_set(4, 3, 5, 5);
  const Normalisation n = normalisation(data);
  CHECK(error_of([&] {
          batch_of(data, {1, 4}, n, {}, 0);
        }) == "write_batch: found index 4, expected less than 4");
  const Tensor other = Tensor::empty({2, 3, 5, 4}, Layout::for_batch(2, true, 1));
  CHECK(error_of([&] {
          write_batch(data, std::vector<std::uint32_t>{1, 2}, n, {}, 0, other.planes());
        }) == "write_batch: found room for 2 pictures of 3x5x4, expected 2 of 3x5x5");
}
