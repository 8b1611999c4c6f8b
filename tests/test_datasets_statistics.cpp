// Normalisation against a plain double loop, whether sets are whole, and splitting one in two.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/ops/layout.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "datasets/shapes.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;

TEST_CASE("normalisation: mean and deviation are those of a plain loop in two passes") {
  // The last is wider than the parts that are summed in 32 bits.
  for (const auto& data :
       {random_set(7, 3, 5, 9), random_set(20, 1, 1, 1), random_set(2, 2, 3, 70000)}) {
    const Normalisation found = normalisation(data);
    REQUIRE(found.mean.size() == static_cast<std::size_t>(data.channels));
    REQUIRE(found.std.size() == static_cast<std::size_t>(data.channels));
    const int area = data.height * data.width;
    for (int c = 0; c < data.channels; ++c) {
      double sum = 0, squares = 0;
      const auto each = [&](auto body) {
        for (std::int64_t i = 0; i < data.size(); ++i)
          for (int p = 0; p < area; ++p) body(data.picture(i)[c * area + p] / 255.0);
      };
      each([&](double x) { sum += x; });
      const double n = static_cast<double>(data.size() * area), mean = sum / n;
      each([&](double x) { squares += (x - mean) * (x - mean); });
      CHECK(found.mean[c] == doctest::Approx(mean).epsilon(1e-7));
      CHECK(found.std[c] == doctest::Approx(std::sqrt(squares / n)).epsilon(1e-7));
    }
  }
}

TEST_CASE("normalisation: a channel without contrast gets deviation 1, the least contrast counts") {
  Dataset data = random_set(3, 3, 40, 50);
  for (int i = 0; i < 3; ++i) {
    std::fill_n(data.images.begin() + i * 6000, 2000, std::uint8_t{201});
    std::fill_n(data.images.begin() + i * 6000 + 2000, 2000, std::uint8_t{255});
  }
  data.images[2000] = 254;
  const Normalisation found = normalisation(data);
  CHECK(found.mean[0] == doctest::Approx(201 / 255.0));
  CHECK(found.std[0] == 1);
  CHECK(found.std[1] == doctest::Approx(std::sqrt(5999.0) / 6000 / 255).epsilon(1e-7));
}

TEST_CASE("dataset: parts that do not fit together are an error that says which") {
  const Dataset whole = random_set(4, 3, 2, 2);
  CHECK(error_of([&] { check_dataset(whole, "it"); }) == "");
  CHECK(error_of([] { normalisation({}); }) ==
        "normalisation: found a data set without pictures, expected at least one");
  Dataset data = whole;
  data.images.pop_back();
  CHECK(error_of([&] { check_dataset(data, "it"); }) ==
        "it: found 47 bytes for 4 labelled pictures, expected 48");
  data = whole;
  data.labels[2] = 10;
  CHECK(error_of([&] { check_dataset(data, "it"); }) ==
        "it: found label 10 of picture 2, expected 0 to 9, for 10 classes");
  data.labels[2] = -1;
  CHECK(contains(error_of([&] { check_dataset(data, "it"); }), "found label -1 of picture 2"));
  data = whole;
  data.height = 0;
  CHECK(error_of([&] { check_dataset(data, "it"); }) ==
        "it: found pictures of 3x0x2, expected at least 1x1x1");
}

TEST_CASE("split: both parts together are the whole, each class gives its share") {
  const Dataset whole = random_set(205, 1, 3, 3, 10);
  Dataset train = whole;
  const Dataset part = split_validation(train, 0.2, 5);
  CHECK(part.size() == 41);
  CHECK(train.size() == 164);
  check_dataset(part, "part");
  check_dataset(train, "train");
  for (int c = 0; c < 10; ++c) {
    const auto count = std::count(part.labels.begin(), part.labels.end(), c);
    CHECK(count >= 4);
    CHECK(count <= 5);
  }
  // Walking through the whole meets each picture as the next of one of the parts.
  std::int64_t kept = 0, taken = 0;
  for (std::int64_t i = 0; i < whole.size(); ++i) {
    const auto is_next = [&](const Dataset& set, std::int64_t at) {
      return at < set.size() && set.labels[at] == whole.labels[i] &&
             std::equal(whole.picture(i), whole.picture(i) + 9, set.picture(at));
    };
    if (is_next(train, kept))
      ++kept;
    else if (is_next(part, taken))
      ++taken;
  }
  CHECK(kept == train.size());
  CHECK(taken == part.size());
}

TEST_CASE("split: follows from the seed alone") {
  Dataset a = random_set(100, 1, 2, 2), b = a, c = a;
  const Dataset from_a = split_validation(a, 0.3, 7), from_b = split_validation(b, 0.3, 7),
                from_c = split_validation(c, 0.3, 8);
  CHECK(equal(from_a, from_b));
  CHECK(equal(a, b));
  CHECK_FALSE(equal(from_a, from_c));
}

TEST_CASE("split: many classes of a single picture give the share all the same") {
  Dataset data = random_set(97, 1, 2, 2, 97);
  CHECK(split_validation(data, 0.25).size() == 24);
  CHECK(data.size() == 73);
}

TEST_CASE("split: shares that make no sense are refused") {
  Dataset data = random_set(10, 1, 2, 2);
  for (const double share : {0.0, 1.0, -0.1, 2.0, std::nan("")})
    CHECK(contains(error_of([&] { split_validation(data, share); }),
                   "expected a number between 0 and 1"));
  CHECK(error_of([&] { split_validation(data, 0.01); }) ==
        "split_validation: the share 0.01 of 10 pictures is 0, expected some and not all");
  CHECK(contains(error_of([&] { split_validation(data, 0.99); }), "is 10, expected some"));
  CHECK(data.size() == 10);
}

TEST_CASE("normalisation: test pictures are seen as the training pictures are") {
  Data data{"two", {1, 1, 1, {0, 10, 20, 30}, {0, 0, 0, 0}, {"a"}}, {1, 1, 1, {90}, {0}, {"a"}}};
  normalise_alike(data);
  const Normalisation of_train = normalisation(data.train);
  Loader loader(data.test, 1, {.batch = 1, .shuffle = false});
  Batch batch;
  REQUIRE(loader.next(batch));
  CHECK(to_plain(batch.images).data()[0] ==
        doctest::Approx((90.0f / 255 - of_train.mean[0]) / of_train.std[0]));
  CHECK(shapes({.train = 20, .test = 10}).test.normalisation.mean.size() == 3);
  // What is held out of training is seen as what is left.
  Dataset train = shapes({.train = 40, .test = 10}).train;
  const Dataset held = split_validation(train, 0.25, 1);
  CHECK(held.normalisation.mean == normalisation(train).mean);
}
