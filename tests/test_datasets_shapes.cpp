// The generated set: the same bytes everywhere, all classes alike.
#include <algorithm>

#include "core/parallel.h"
#include "datasets/open.h"
#include "datasets/shapes.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;

namespace {

// FNV-1a (Fowler, Noll and Vo, 1991).
std::uint64_t checksum(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

}  // namespace

TEST_CASE("shapes: the bytes are known, on every processor and with any number of threads") {
  const int threads = num_threads();
  for (const int count : {1, 2}) {
    set_num_threads(count);
    const Data data = shapes({.train = 150, .test = 50});
    CHECK(checksum(data.train.images) == 8120893864023474755u);
    CHECK(checksum(data.test.images) == 17822247541812008135u);
  }
  set_num_threads(threads);
}

TEST_CASE("shapes: classes take turns, parts and seeds differ") {
  const Data data = shapes({.train = 60, .test = 20});
  check_dataset(data.train, "train");
  check_dataset(data.test, "test");
  CHECK(data.name == "shapes");
  CHECK(data.train.channels == 3);
  CHECK(data.train.height == 32);
  CHECK(data.train.width == 32);
  CHECK(data.train.classes.size() == 10);
  CHECK(data.test.classes == data.train.classes);
  for (int c = 0; c < 10; ++c) {
    CHECK(std::count(data.train.labels.begin(), data.train.labels.end(), c) == 6);
    CHECK(std::count(data.test.labels.begin(), data.test.labels.end(), c) == 2);
  }
  CHECK_FALSE(
      std::equal(data.test.images.begin(), data.test.images.end(), data.train.images.begin()));
  CHECK_FALSE(equal(shapes({.train = 60, .test = 20, .seed = 1}).train, data.train));
  // A larger set begins with the smaller one.
  const Data larger = shapes({.train = 70, .test = 21});
  CHECK(
      std::equal(data.train.images.begin(), data.train.images.end(), larger.train.images.begin()));
  CHECK(std::equal(data.test.images.begin(), data.test.images.end(), larger.test.images.begin()));
}

TEST_CASE("shapes: a set without pictures is refused") {
  CHECK(error_of([] { shapes({.train = 0}); }) ==
        "shapes: found 0 pictures, expected at least one");
  CHECK(contains(error_of([] { shapes({.train = 1, .test = -1}); }), "found -1 pictures"));
}

TEST_CASE("write_shapes: the folder holds the same set in CIFAR-10's format") {
  TempDir folder;
  const ShapesOptions options = {.train = 23, .test = 7, .seed = 3};
  write_shapes(folder / "set", options);
  const Data read = cifar10(folder / "set"), made = shapes(options);
  CHECK(equal(read.train, made.train));
  CHECK(equal(read.test, made.test));
}
