// The loader: batches follow from the seed and the epoch alone, and arrive whole and in order.
#include <algorithm>
#include <numeric>
#include <set>

#include "core/memory.h"
#include "datasets/loader.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;

namespace {

struct Taken {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  int epoch;
  std::int64_t step, steps_per_epoch;
  bool last_of_epoch;
  friend bool operator==(const Taken&, const Taken&) = default;
};

std::vector<Taken> take_all(const Dataset& data, int epochs, const LoaderOptions& options) {
  std::vector<Taken> taken;
  Loader loader(data, epochs, options);
  for (Batch& batch : loader)
    taken.push_back({batch.images.to_vector(),
                     {batch.labels.begin(), batch.labels.end()},
                     batch.epoch,
                     batch.step,
                     batch.steps_per_epoch,
                     batch.last_of_epoch});
  return taken;
}

// Picture i is all of byte i and has label i, so that a batch tells which pictures it holds.
Dataset numbered(int count) {
  Dataset data = random_set(count, 1, 2, 3, count);
  for (int i = 0; i < count; ++i)
    std::fill_n(data.images.begin() + i * 6, 6, static_cast<std::uint8_t>(i));
  return data;
}

const Normalisation kBytes = {.mean = {0}, .std = {1.0f / 255}};  // leaves bytes as they are

}  // namespace

TEST_CASE("loader: every epoch holds each picture once, with its label, in another order") {
  const Dataset data = numbered(50);
  const auto taken = take_all(data, 3, {.batch = 16, .seed = 4, .normalisation = kBytes});
  REQUIRE(taken.size() == 12);
  std::vector<std::vector<std::int32_t>> orders(3);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const Taken& batch = taken[i];
    CHECK(batch.step == static_cast<std::int64_t>(i));
    CHECK(batch.steps_per_epoch == 4);
    CHECK(batch.epoch == static_cast<int>(i / 4));
    CHECK(batch.last_of_epoch == (i % 4 == 3));
    CHECK(batch.labels.size() == (i % 4 == 3 ? 2 : 16));
    REQUIRE(batch.images.size() == 6 * batch.labels.size());
    for (std::size_t k = 0; k < batch.images.size(); ++k)
      CHECK(batch.images[k] == doctest::Approx(batch.labels[k / 6]));
    auto& order = orders[i / 4];
    order.insert(order.end(), batch.labels.begin(), batch.labels.end());
  }
  for (const auto& order : orders) {
    CHECK(std::set(order.begin(), order.end()).size() == 50);
    CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  }
  CHECK(orders[0] != orders[1]);
  CHECK(orders[1] != orders[2]);
}

TEST_CASE("loader: without shuffling, the order of the data") {
  const Dataset data = numbered(10);
  const auto taken = take_all(data, 2, {.batch = 4, .shuffle = false});
  REQUIRE(taken.size() == 6);
  CHECK(taken[4].labels == std::vector<std::int32_t>{4, 5, 6, 7});
  CHECK(taken[5].labels == std::vector<std::int32_t>{8, 9});
  CHECK(taken[0].images == taken[3].images);
}

TEST_CASE("loader: order and augmentation follow from the seed alone") {
  const Dataset data = random_set(45, 3, 6, 6);
  const LoaderOptions options = {.batch = 10, .crop = 2, .flip = true, .seed = 9};
  const auto taken = take_all(data, 2, options);
  CHECK(taken == take_all(data, 2, options));
  LoaderOptions other = options;
  other.seed = 10;
  CHECK_FALSE(taken == take_all(data, 2, other));
  // The augmentation is not that of the epoch before.
  LoaderOptions in_order = options;
  in_order.shuffle = false;
  const auto ordered = take_all(data, 2, in_order);
  CHECK(ordered[0].labels == ordered[5].labels);
  CHECK(ordered[0].images != ordered[5].images);
}

TEST_CASE("loader: going on from an epoch or a step gives the batches of an uninterrupted run") {
  const Dataset data = random_set(37, 3, 4, 4);
  LoaderOptions options = {.batch = 8, .crop = 1, .flip = true, .seed = 2};
  const auto whole = take_all(data, 4, options);
  options.first_epoch = 2;
  const auto rest = take_all(data, 4, options);
  REQUIRE(rest.size() == 10);
  CHECK(std::equal(rest.begin(), rest.end(), whole.begin() + 10));
  options.first_step = 3;
  const auto less = take_all(data, 4, options);
  REQUIRE(less.size() == 7);
  CHECK(std::equal(less.begin(), less.end(), whole.begin() + 13));
}

TEST_CASE("loader: next() is false behind the end, however often, and without epochs") {
  const Dataset data = numbered(5);
  Loader loader(data, 1, {.batch = 5});
  CHECK(loader.batches_per_epoch() == 1);
  Batch batch;
  CHECK(loader.next(batch));
  for (int i = 0; i < 3; ++i) CHECK_FALSE(loader.next(batch));
  CHECK(loader.begin() == loader.end());
  CHECK(take_all(data, 0, {}).empty());
  CHECK(take_all(data, 2, {.first_epoch = 2}).empty());
  CHECK(take_all(data, 2, {.first_epoch = 5}).empty());
}

TEST_CASE("loader: one that is not emptied ends at once") {
  const Dataset data = random_set(1000, 3, 8, 8);
  for (int taken = 0; taken < 3; ++taken) {
    Loader loader(data, 1000, {.batch = 10});
    Batch batch;
    for (int i = 0; i < taken; ++i) CHECK(loader.next(batch));
  }
  int count = 0;
  for (auto& batch : epochs(data, 1000, {.batch = 10})) {
    CHECK(batch.labels.size() == 10);
    if (++count == 5) break;
  }
}

TEST_CASE("loader: images come in lanes, with a halo, normalised by the data's own statistics") {
  const Dataset data = random_set(20, 3, 4, 4);
  Loader loader(data, 1, {.batch = 20});
  Batch batch;
  REQUIRE(loader.next(batch));
  CHECK(batch.images.layout().lanes == simd_lanes());
  CHECK(batch.images.layout().halo == 1);
  const std::vector<float> values = batch.images.to_vector();
  double sum = 0, squares = 0;
  for (const float x : values) sum += x, squares += static_cast<double>(x) * x;
  const double n = static_cast<double>(values.size());
  CHECK(sum / n == doctest::Approx(0).epsilon(1e-6));
  CHECK(squares / n == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("loader: values too small to be normal are zero") {
  const Dataset data = random_set(20, 1, 4, 4);
  Loader loader(data, 1, {.batch = 20, .normalisation = {.mean = {0.5}, .std = {3e38f}}});
  Batch batch;
  REQUIRE(loader.next(batch));
  for (const float x : batch.images.to_vector()) CHECK(x == 0);
}

TEST_CASE("loader: asks the system for no memory once warm") {
  const Dataset data = random_set(70, 3, 8, 8);
  Loader loader(data, 60, {.batch = 16, .crop = 2, .flip = true});
  Batch batch;
  for (int i = 0; i < 100; ++i) REQUIRE(loader.next(batch));
  const auto before = memory_statistics().system_requests;
  for (int i = 0; i < 200; ++i) REQUIRE(loader.next(batch));
  CHECK(memory_statistics().system_requests == before);
}

TEST_CASE("loader: settings that make no sense are refused") {
  const Dataset data = random_set(4, 3, 2, 2);
  const auto message = [&](const LoaderOptions& options, int epochs = 1) {
    return error_of([&] { Loader(data, epochs, options); });
  };
  CHECK(message({.batch = 0}) == "loader: found batch 0, expected at least 1");
  CHECK(message({.crop = -1}) == "loader: found crop -1, expected 0 or more");
  CHECK(message({.first_epoch = -1}) == "loader: found first epoch -1, expected 0 or more");
  CHECK(message({.first_step = -1}) == "loader: found first step -1, expected 0 or more");
  CHECK(message({}, -1) == "loader: found -1 epochs, expected 0 or more");
  CHECK(message({.normalisation = {.mean = {0}, .std = {1}}}) ==
        "loader: found a normalisation of 1 channels, expected 3");
  const Dataset nothing;
  CHECK(error_of([&] { Loader(nothing, 1); }) ==
        "loader: found a data set without pictures, expected at least one");
  Dataset broken = data;
  broken.images.pop_back();
  CHECK(contains(error_of([&] { Loader(broken, 1); }), "loader: found 47 bytes for 4"));
}
