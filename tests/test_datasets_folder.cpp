// Pictures of any size into bytes, and folders of them.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/progress.h"
#include "datasets/open.h"
#include "datasets/picture.h"
#include "tests/image_files.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;
namespace fs = std::filesystem;

namespace {

Bytes random_bytes(std::size_t count, std::uint64_t seed = 1) {
  Rng rng(seed);
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(256));
  return bytes;
}

// A 4x4 picture of one grey.
void write_grey(const std::string& path, int grey) {
  write_picture(path, Bytes(48, static_cast<std::uint8_t>(grey)), 3, 4, 4);
}

// DIR/a with 7 pictures, DIR/b with 5; the greys are 10 + number and 100 + number.
void write_classes(const std::string& folder) {
  fs::create_directories(folder + "/a");
  fs::create_directories(folder + "/b");
  for (int i = 0; i < 7; ++i) write_grey(folder + "/a/" + std::to_string(i) + ".png", 10 + i);
  for (int i = 0; i < 5; ++i) write_grey(folder + "/b/" + std::to_string(i) + ".PNG", 100 + i);
}

Bytes greys(const Dataset& set) {
  Bytes greys;
  for (std::int64_t i = 0; i < set.size(); ++i) greys.push_back(set.picture(i)[0]);
  return greys;
}

std::string message(const TempDir& folder) {
  return error_of([&] { image_folder(folder.path().string(), {.height = 4, .width = 4}); });
}

}  // namespace

TEST_CASE("picture: what was written is read back bit for bit") {
  TempDir folder;
  for (const int channels : {1, 3}) {
    const Bytes picture = random_bytes(static_cast<std::size_t>(channels) * 9 * 7);
    write_picture(folder / "x.png", picture, channels, 9, 7);
    CHECK(read_picture(folder / "x.png", channels, 9, 7) == picture);
  }
  Dataset set = random_set(3, 3, 5, 6);
  write_picture(folder / "y.png", set, 2);
  CHECK(read_picture(folder / "y.png", 3, 5, 6) == Bytes(set.picture(2), set.picture(3)));
  CHECK(error_of([&] { write_picture(folder / "y.png", set, 3); }) ==
        "write_picture: found index 3, expected 0 to 2");
}

TEST_CASE("picture: the middle is cut out in the shape asked for") {
  TempDir folder;
  const Bytes wide = random_bytes(4 * 10), tall = random_bytes(10 * 4);
  write_picture(folder / "wide.png", wide, 1, 4, 10);
  write_picture(folder / "tall.png", tall, 1, 10, 4);
  const Bytes from_wide = read_picture(folder / "wide.png", 1, 4, 4),
              from_tall = read_picture(folder / "tall.png", 1, 4, 4);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 4; ++x) {
      CHECK(from_wide[y * 4 + x] == wide[y * 10 + x + 3]);
      CHECK(from_tall[y * 4 + x] == tall[(y + 3) * 4 + x]);
    }
  CHECK(read_picture(folder / "wide.png", 1, 2, 10).size() == 20);
}

TEST_CASE("picture: reducing averages what lies under a triangle, enlarging interpolates") {
  TempDir folder;
  const int size = 24, to = 8, ratio = size / to;
  const Bytes picture = random_bytes(size * size);
  write_picture(folder / "x.png", picture, 1, size, size);
  const Bytes found = read_picture(folder / "x.png", 1, to, to);
  for (int y = 0; y < to; ++y)
    for (int x = 0; x < to; ++x) {
      double sum = 0, weights = 0;
      for (int v = 0; v < size; ++v)
        for (int u = 0; u < size; ++u) {
          const double down = (v + 0.5) / ratio - (y + 0.5), right = (u + 0.5) / ratio - (x + 0.5);
          const double weight =
              std::max(0.0, 1 - std::abs(down)) * std::max(0.0, 1 - std::abs(right));
          sum += weight * picture[v * size + u];
          weights += weight;
        }
      CHECK(found[y * to + x] == doctest::Approx(sum / weights).epsilon(0.01));
    }
  write_picture(folder / "x.png", Bytes{0, 100}, 1, 1, 2);
  CHECK(read_picture(folder / "x.png", 1, 2, 4) == Bytes{0, 25, 75, 100, 0, 25, 75, 100});
}

TEST_CASE("picture: other formats, channels and transparency") {
  TempDir folder;
  write_file(folder / "x.ppm", std::string("P6 2 1 255\n\1\2\3\4\5\6", 17));
  CHECK(read_picture(folder / "x.ppm", 3, 1, 2) == Bytes{1, 4, 2, 5, 3, 6});
  CHECK(read_picture(folder / "x.ppm", 1, 1, 2).size() == 2);
  // An uncompressed TGA of one pixel: blue, green, red, and how opaque it is.
  write_bytes(folder / "x.tga",
              {0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 32, 8, 30, 20, 10, 0});
  CHECK(read_picture(folder / "x.tga", 3, 1, 1) == Bytes{255, 255, 255});
}

TEST_CASE("picture: a file that ends too early is refused in every format") {
  TempDir folder;
  const std::string path = folder / "x";
  Bytes ppm = {'P', '5', ' ', '8', ' ', '6', ' ', '2', '5', '5', '\n'};
  for (int i = 0; i < 48; ++i) ppm.push_back(static_cast<std::uint8_t>(i));
  const Bytes tga = {0,    0, 10, 0, 0,    0, 0, 0, 0, 0, 0, 0, 3,  0, 2, 0, 24, 32,  // 3x2, runs
                     0x82, 1, 2,  3, 0x02, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  Bytes bmp = {'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,  40,
               0,   0,   0, 3, 0, 0, 0, 2, 0, 0, 0,  1, 0, 24, 0};
  bmp.resize(54 + 2 * 12);
  for (const Bytes& whole : {ppm, tga, bmp, jpeg()}) {
    write_bytes(path, whole);
    CHECK(read_picture(path, 1, 4, 4).size() == 16);
    // The last row of a BMP ends with bytes that only fill it up.
    for (std::size_t size = whole.size() - (whole == bmp ? 4 : 1); size > 0; --size) {
      write_bytes(path, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      const std::string error = error_of([&] { read_picture(path, 1, 4, 4); });
      CHECK(contains(error, path + ": found "));
    }
  }
}

TEST_CASE("picture: JPEG, and tables in it that would not fit") {
  TempDir folder;
  const Bytes whole = jpeg();
  write_bytes(folder / "x.jpg", whole);
  CHECK(read_picture(folder / "x.jpg", 3, 5, 5) == Bytes(75, 136));
  // One table more, of so many codes of 15 and 16 bits.
  for (const int codes : {255, 256, 510}) {
    const int length = 19 + codes;
    Bytes table = {0xff, 0xc4, static_cast<std::uint8_t>(length >> 8),
                   static_cast<std::uint8_t>(length), 1};
    table.resize(19);
    table.push_back(static_cast<std::uint8_t>(codes - 255));
    table.push_back(255);
    table.resize(table.size() + static_cast<std::size_t>(codes));
    Bytes more = whole;
    more.insert(more.begin() + 2, table.begin(), table.end());
    write_bytes(folder / "x.jpg", more);
    const std::string error = error_of([&] { read_picture(folder / "x.jpg", 3, 5, 5); });
    if (codes == 255)
      CHECK(error == "");
    else
      CHECK(error == (folder / "x.jpg") +
                         ": found a Huffman table of more than 255 codes, "
                         "expected a whole image");
  }
}

TEST_CASE("picture: what is none is an error that says so") {
  TempDir folder;
  const std::string path = folder / "x.png";
  const auto message = [&] { return error_of([&] { read_picture(path, 3, 4, 4); }); };
  CHECK(message() == path + ": cannot open it: No such file or directory");
  write_file(path, "");
  CHECK(message() == path + ": found an empty file, expected an image");
  write_file(path, "not a picture, though its name says so");
  CHECK(contains(message(), path + ": found text, expected JPEG, PNG, BMP"));
  write_picture(path, random_bytes(300), 3, 10, 10);
  const Bytes whole = file_bytes(path);
  write_bytes(path, Bytes(whole.begin(), whole.end() - 60));
  CHECK(contains(message(), path + ": found the end of the file after"));
  fs::remove(path);
  fs::create_directory(path);
  CHECK(message() == path + ": found a folder, expected a file");
}

TEST_CASE("picture: a huge one is refused before it is unpacked") {
  TempDir folder;
  write_file(folder / "x.ppm", "P6 65000 65000 255\n");
  CHECK(error_of([&] { read_picture(folder / "x.ppm", 3, 4, 4); }) ==
        (folder / "x.ppm") +
            ": found an image of 65000x65000, expected at most 67108864 pixels and sides of 1 to "
            "65535");
  write_file(folder / "y.ppm", "P6 1 1 255\n123");
  fs::resize_file(folder / "y.ppm", (256u << 20) + 1);  // takes no room on the disk
  CHECK(error_of([&] { read_picture(folder / "y.ppm", 3, 4, 4); }) ==
        (folder / "y.ppm") + ": found 268435457 bytes, expected an image of at most 268435456");
}

TEST_CASE("picture: shapes that make no sense are refused") {
  const auto message = [](int channels, int height, int width) {
    return error_of([&] { read_picture("x.png", channels, height, width); });
  };
  CHECK(message(2, 4, 4) ==
        "read_picture: found 2x4x4, expected 1 or 3 channels and at most 67108864 pixels");
  CHECK(contains(message(3, 0, 4), "found 3x0x4"));
  CHECK(contains(message(3, 1 << 14, 1 << 14), "found 3x16384x16384"));
  CHECK(error_of([] { write_picture("x.png", Bytes(5), 1, 2, 3); }) ==
        "write_picture: found 5 bytes, expected 1x2x3");
}

TEST_CASE("picture: damaged files never crash") {
  TempDir folder;
  write_picture(folder / "x.png", random_bytes(300), 3, 10, 10);
  const Bytes whole = file_bytes(folder / "x.png");
  Rng rng(3);
  for (int i = 0; i < 300; ++i) {
    Bytes damaged = whole;
    for (int k = 0; k < 3; ++k)
      damaged[rng.below(static_cast<std::uint32_t>(whole.size()))] =
          static_cast<std::uint8_t>(rng.below(256));
    if (i % 3 == 0) damaged.resize(rng.below(static_cast<std::uint32_t>(whole.size())));
    write_bytes(folder / "y.png", damaged);
    std::size_t size = 192;
    const std::string error =
        error_of([&] { size = read_picture(folder / "y.png", 3, 8, 8).size(); });
    CHECK(size == 192);
    CHECK((error.empty() || contains(error, "y.png: found")));
  }
}

TEST_CASE("image_folder: every fifth picture of a class is tested on") {
  TempDir folder;
  write_classes(folder.path().string());
  write_file(folder / "a/notes.txt", "not a picture");
  write_file(folder / "a/.hidden.png", "not a picture");
  write_file(folder / "list.txt", "not a class");
  fs::create_directory(folder / ".git");
  const Data data = image_folder(folder.path().string() + "/", {.height = 4, .width = 4});
  CHECK(data.name == folder.path().filename().string());
  CHECK(data.train.classes == std::vector<std::string>{"a", "b"});
  CHECK(data.train.labels == std::vector<std::int32_t>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(greys(data.train) == Bytes{10, 11, 12, 13, 15, 16, 100, 101, 102, 103});
  CHECK(data.test.labels == std::vector<std::int32_t>{0, 1});
  CHECK(greys(data.test) == Bytes{14, 104});
  check_dataset(data.train, "train");
  check_dataset(data.test, "test");
  const Data grey = image_folder(folder.path().string(), {.height = 7, .width = 7, .channels = 1});
  CHECK(grey.train.channels == 1);
  CHECK(grey.train.height == 7);
  CHECK(greys(grey.train) == greys(data.train));
}

TEST_CASE("image_folder: folders for training and test are used where both are there") {
  for (const std::string test : {"test", "val", "validation", "Valid", "TESTING"}) {
    TempDir folder;
    write_classes(folder / (test == "TESTING" ? "Training" : "train"));
    write_classes(folder / test);
    write_grey(folder / test + "/b/z.png", 200);
    const Data data = image_folder(folder.path().string(), {.height = 4, .width = 4});
    CHECK(data.train.size() == 12);
    CHECK(data.test.size() == 13);
    CHECK(greys(data.test).back() == 200);
    CHECK(has_class_folders(folder.path().string()));
    if (test == "TESTING") continue;
    fs::rename(folder / test + "/b", folder / test + "/c");
    CHECK(message(folder) ==
          (folder / test) + ": found no folder b, expected the same classes in training and test");
    fs::rename(folder / test + "/c", folder / "train/c");
    CHECK(contains(message(folder), (folder / test) + ": found no folder b"));
  }
}

TEST_CASE("image_folder: parts of a data set are not taken for classes") {
  TempDir folder;
  for (const char* part : {"fold1", "fold2", "fold3"}) write_classes(folder / part);
  CHECK(message(folder) == folder.path().string() +
                               ": found the same folders, a, b, in each of fold1, fold2, ..., "
                               "expected class folders, or train and test with class folders in "
                               "them");
  fs::rename(folder / "fold2/a", folder / "fold2/c");
  CHECK(message(folder) == "");
}

TEST_CASE("image_folder: reading tells how far it is, and whoever hears it may end it") {
  TempDir folder;
  write_classes(folder.path().string());
  std::int64_t done = 0;
  {
    const WatchProgress watch([&](const WatchProgress::Step& step) { done = step.done; });
    image_folder(folder.path().string());
  }
  CHECK(done > 0);
  struct Stop {};
  const WatchProgress watch([](const WatchProgress::Step&) { throw Stop(); });
  CHECK_THROWS_AS(image_folder(folder.path().string()), Stop);
}

TEST_CASE("image_folder: a folder without pictures, a class without, and a picture that is none") {
  TempDir folder;
  const std::string path = folder.path().string();
  CHECK(message(folder) ==
        path + ": found 0 class folders, expected at least two with images in them");
  CHECK_FALSE(has_class_folders(path));
  CHECK(contains(error_of([&] { image_folder(folder / "none"); }),
                 "none: cannot read the folder: No such file or directory"));
  write_classes(path);
  CHECK(has_class_folders(path));
  fs::create_directory(folder / "c");
  write_file(folder / "c/notes.txt", "not a picture");
  CHECK(message(folder) ==
        (folder / "c") +
            ": found no images (1 file skipped: 1 .txt), expected some for this class");
  // Of several, the first is named, whichever thread meets it.
  write_file(folder / "c/1.jpg", "not a picture");
  write_file(folder / "c/2.jpg", "not a picture");
  CHECK(contains(message(folder), (folder / "c/1.jpg") + ": found text, expected JPEG"));
  fs::remove(folder / "c/1.jpg");
  REQUIRE(mkfifo((folder / "c/1.jpg").c_str(), 0600) == 0);  // would never end
  CHECK(message(folder) ==
        (folder / "c/1.jpg") + ": found a device or the like, expected an image");
  fs::remove_all(folder / "c");
  fs::remove_all(folder / "b");
  CHECK(contains(message(folder), "found 1 class folders"));
  fs::create_directory(folder / "b");
  write_grey(folder / "b/1.png", 1);
  for (const char* name : {"a/4.png", "a/5.png", "a/6.png"}) fs::remove(folder / name);
  CHECK(contains(message(folder), "found fewer than five images in each class"));
}

TEST_CASE("image_folder: options that make no sense are refused") {
  CHECK(error_of([] { image_folder("x", {.width = 0}); }) ==
        "image_folder: found images of 32x0, expected sides of 1 to 4096");
  CHECK(error_of([] { image_folder("x", {.channels = 4}); }) ==
        "image_folder: found 4 channels, expected 1 or 3");
}
