// Sizes that files announce, against what their bytes can hold and against memory.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <vector>

#include "datasets/picture.h"
#include "tests/image_files.h"

namespace espalier::testing {
namespace {

// "file: found N bytes for an image of SIZE, expected at least M": found by arithmetic alone.
void expect_too_short(const Bytes& file, const std::string& size) {
  CHECK(contains(decode_error(file), "file: found " + std::to_string(file.size()) +
                                         " bytes for an image of " + size +
                                         ", expected at least "));
}

Bytes with_size(Bytes file, const Bytes& more) {
  append(file, more);
  return file;
}

// While it lives, the process gets so many more bytes of memory, the free ones among those that it
// has already being taken.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t bytes) {
    getrlimit(RLIMIT_AS, &before_);
    taken_.reserve(4096);
    allow(0);
    while (void* block = std::malloc(std::size_t{16} << 20)) taken_.emplace_back(block);
    allow(bytes);
  }
  ~MemoryLimit() { setrlimit(RLIMIT_AS, &before_); }

 private:
  void allow(std::size_t bytes) const {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limited = before_;
    limited.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes;
    setrlimit(RLIMIT_AS, &limited);
  }

  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  rlimit before_ = {};
  std::vector<std::unique_ptr<void, Free>> taken_;
};

}  // namespace

TEST_CASE("limits: an image that its file is too short for is refused before it is unpacked") {
  for (const int type : {2, 10, 3, 11})  // plain and in runs
    expect_too_short(with_size(tga(type, 65535, 1000, type % 8 == 2 ? 32 : 8, 8), Bytes(52)),
                     "65535x1000");
  expect_too_short(jpeg(8000, 8000), "8000x8000");
  Bytes progressive = jpeg(8000, 8000);
  for (std::size_t i = 0; i + 1 < progressive.size(); ++i)
    if (progressive[i] == 0xff && progressive[i + 1] == 0xc0) progressive[i + 1] = 0xc2;
  expect_too_short(progressive, "8000x8000");
  for (const int colour : {0, 2, 6})
    expect_too_short(png(8000, 8000, 8, colour, Bytes(100)), "8000x8000");
  expect_too_short(with_size(bmp(8000, 8000, 24), Bytes(100)), "8000x8000");
  Bytes gif = bytes_of("GIF89a");
  append(gif, {0x40, 0x1f, 0x40, 0x1f, 0x80, 0, 0});
  expect_too_short(with_size(gif, Bytes(100)), "8000x8000");
  expect_too_short(with_size(psd(3, 3, 8000, 8000, 8, 0), Bytes(100)), "8000x8000");
  expect_too_short(with_size(psd(3, 3, 8000, 8000, 16, 1), Bytes(100)), "8000x8000");
  for (const char* head : {"P1 8000 8000 ", "P2 8000 8000 1 ", "P3 8000 8000 1 ", "P4 8000 8000 ",
                           "P5 8000 8000 9 ", "P6 8000 8000 999 "})
    expect_too_short(bytes_of(head), "8000x8000");
}

TEST_CASE("limits: the most that a file can hold is still read") {
  // A run of 128 pixels in TGA, and zeros in PNG, which deflate packs a thousandfold.
  CHECK(decoded(with_size(tga(11, 128, 1, 8, 0x20), {0xff, 7})) == Bytes(128, 7));
  CHECK(decoded(png(4000, 250, 8, 0, Bytes(4001 * 250))).size() == 1'000'000);
  CHECK(decoded(jpeg(800, 8, 100)).size() == 6400);
}

TEST_CASE("limits: what is packed in an image may not be more than the image") {
  const Bytes bomb = png(1, 1, 8, 0, Bytes(std::size_t{64} << 20));
  CHECK(bomb.size() < 100'000);
  CHECK(decode_error(bomb) == "file: found a damaged image, expected a whole one");
}

TEST_CASE("limits: no JPEG file of a hundred scans more than it needs") {
  Bytes file = jpeg();
  const Bytes scan(file.end() - 14, file.end() - 2);
  CHECK(decode_error(file).empty());
  for (int k = 0; k < 100; ++k) file.insert(file.end() - 2, scan.begin(), scan.end());
  CHECK(decode_error(file) == "file: found a JPEG image of 101 scans, expected at most 100");
}

TEST_CASE("limits: the caller's own") {
  const Bytes file = png(5, 4, 8, 0, Bytes(24));
  CHECK(decoded(file, 20).size() == 20);
  CHECK(decode_error(file, 19) ==
        "file: found an image of 5x4, expected at most 19 pixels and sides of 1 to 65535");
  CHECK(contains(decode_error(file, 0), "decode: found a limit of 0 pixels, expected 1 to "));
  TempDir folder;
  write_bytes(folder / "x.png", file);
  CHECK(contains(error_of([&] { datasets::read_picture(folder / "x.png", 1, 4, 4, 19); }),
                 "x.png: found an image of 5x4, expected at most 19 pixels"));
}

#ifndef __SANITIZE_ADDRESS__  // which ends the program instead
TEST_CASE("limits: no memory for a data set is said so") {
  datasets::Dataset set = random_set(1, 3, 32, 32);
  CHECK(error_of([&] { datasets::reserve_images(set, std::int64_t{1} << 50, "set"); }) ==
        "set: no memory for 1125899906842624 images of 3x32x32");
}

TEST_CASE("limits: no memory for an image is said so, and is no damage") {
  const std::uint32_t side = 8000;
  Bytes pgm = bytes_of("P5 8000 8000 255\n"), bmp_file = bmp(side, side, 8);
  pgm.resize(pgm.size() + std::size_t{side} * side);
  bmp_file[10] = 58;  // one colour
  bmp_file.resize(58 + std::size_t{side} * side);
  const Bytes deep = png(side, side, 8, 2, Bytes((3 * std::size_t{side} + 1) * side));
  const Bytes turned = png(side, side, 8, 0, Bytes((std::size_t{side} + 1) * side),
                           {png_chunk("eXIf", exif(6, true))});
  const std::string expected = "file: no memory for an image of 8000x8000";
  {
    const MemoryLimit limit(std::size_t{16} << 20);
    for (const Bytes& file :
         {std::cref(pgm), std::cref(bmp_file), std::cref(deep), std::cref(turned)})
      CHECK(error_of([&, &bytes = file] {
              datasets::decode(std::as_bytes(std::span(bytes)), "file");
            }) == expected);
    CHECK(error_of([&] {
            const std::span<const std::uint8_t> pixels(pgm.data(), std::size_t{side} * side);
            datasets::encode_png(pixels, 1, side, side);
          }) == "encode_png: no memory for an image of 8000x8000");
    TempDir folder;
    write_bytes(folder / "x.pgm", bytes_of("P5 1 1 255\n7"));
    CHECK(error_of([&] { datasets::read_picture(folder / "x.pgm", 1, 8192, 8192); }) ==
          (folder / "x.pgm") + ": no memory to resize an image of 1x1");
  }
  CHECK(decode_error(pgm).empty());
}
#endif

}  // namespace espalier::testing
