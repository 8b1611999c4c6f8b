// Images as image viewers show them: upright, over white, of every depth and colour model.
#include "tests/image_files.h"

namespace espalier::testing {
namespace {

// What an image [3][2] of these six pixels looks like in each orientation, row by row.
Bytes turned(int orientation) {
  constexpr const char* kTurned[] = {"123456", "214365", "654321", "563412",
                                     "135246", "531642", "642531", "246135"};
  Bytes pixels;
  for (const char* letter = kTurned[orientation - 1]; *letter; ++letter)
    pixels.push_back(static_cast<std::uint8_t>(10 * (*letter - '0')));
  return pixels;
}

Bytes jpeg_with_exif(int orientation, bool little_endian) {
  Bytes segment = {0xff, 0xe1};
  const Bytes data = exif(orientation, little_endian);
  append(segment, number(static_cast<std::uint32_t>(data.size()) + 8, 2));
  append(segment, Bytes{'E', 'x', 'i', 'f', 0, 0});
  append(segment, data);
  return jpeg(16, 8, 2, segment);
}

}  // namespace

TEST_CASE("decode: PNG files are turned as EXIF says") {
  const Bytes rows = {0, 10, 20, 0, 30, 40, 0, 50, 60};
  CHECK(decoded(png(2, 3, 8, 0, rows)) == turned(1));
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const bool little_endian : {false, true}) {
      const Bytes chunk = png_chunk("eXIf", exif(orientation, little_endian));
      CHECK(decoded(png(2, 3, 8, 0, rows, {chunk})) == turned(orientation));
    }
  for (const int none : {0, 9, 300})
    CHECK(decoded(png(2, 3, 8, 0, rows, {png_chunk("eXIf", exif(none, true))})) == turned(1));
  // Damaged EXIF is no reason to refuse an image.
  Bytes data = exif(6, false);
  for (std::size_t i = 0; i < data.size(); ++i) {
    const Bytes cut(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(decoded(png(2, 3, 8, 0, rows, {png_chunk("eXIf", cut)})).size() == 6);
    data[i] = static_cast<std::uint8_t>(~data[i]);
    CHECK(decoded(png(2, 3, 8, 0, rows, {png_chunk("eXIf", data)})).size() == 6);
    data[i] = static_cast<std::uint8_t>(~data[i]);
  }
}

TEST_CASE("decode: JPEG files are turned as EXIF says") {
  const Bytes file = jpeg_with_exif(6, true);
  const datasets::Pixels pixels = datasets::decode(std::as_bytes(std::span(file)), "file");
  CHECK(pixels.height == 16);
  CHECK(pixels.width == 8);
  CHECK(int{pixels.bytes[0]} == 136);
  CHECK(int{pixels.bytes[127]} == 144);
  const Bytes mirrored = decoded(jpeg_with_exif(2, false));
  CHECK(int{mirrored[0]} == 144);
  CHECK(int{mirrored[15]} == 136);
}

TEST_CASE("decode: WebP files, or the package that reads them") {
  if (datasets::missing_package("x.webp").empty()) {
    const Bytes expected = {255, 255, 255, 0,  0,  255, 255, 0,   0,   // 5 3 1 over
                            100, 100, 100, 10, 20, 30,  0,   255, 0};  // 6 4 2
    CHECK(decoded(webp()) == expected);
    for (std::size_t size = 12; size < webp().size() - 40; ++size) {
      const Bytes whole = webp();
      CHECK(
          contains(decode_error({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
                   "file: found "));
    }
  } else {
    CHECK(decode_error(webp()) ==
          "file: found a WebP image, expected JPEG, PNG, BMP, GIF, PSD, PNM" +
              std::string(datasets::missing_package("x.tif").empty() ? ", TIFF" : "") +
              " or TGA (to read it, install libwebp-dev and build Espalier again)");
  }
}

TEST_CASE("decode: TIFF files, or the package that reads them") {
  const Bytes pixels = {10, 20, 30, 40, 50, 60};
  if (datasets::missing_package("x.tiff").empty()) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      Bytes expected;
      for (const std::uint8_t grey : turned(orientation)) append(expected, Bytes(3, grey));
      CHECK(decoded(tiff(orientation, pixels)) == expected);
    }
    CHECK(
        contains(decode_error(tiff(1, pixels, 50000)), " bytes for an image of 50000x3, expected"));
  } else {
    CHECK(contains(decode_error(tiff(1, pixels)), "file: found a TIFF image, expected JPEG, PNG"));
    CHECK(contains(decode_error(tiff(1, pixels)), "(to read it, install libtiff-dev and build"));
  }
}

TEST_CASE("decode: what cannot be read is said to be what it is") {
  CHECK(contains(decode_error(bytes_of(std::string("\0\0\0\x18", 4) + "ftypheic")),
                 "file: found a HEIF or AVIF image, expected JPEG, PNG"));
  Bytes arithmetic = jpeg();
  for (std::size_t i = 0; i + 1 < arithmetic.size(); ++i)
    if (arithmetic[i] == 0xff && arithmetic[i + 1] == 0xc0) arithmetic[i + 1] = 0xc9;
  CHECK(decode_error(arithmetic) ==
        "file: found a JPEG image with arithmetic coding, expected a baseline or progressive one");
  Bytes packed = bmp(1, 1, 8);
  packed[30] = 1;
  CHECK(contains(decode_error(packed), "file: found a BMP image in coding 1, expected"));
  CHECK(
      contains(decode_error(psd(9, 3, 1, 1, 8, 0)), "file: found a PSD image of mode 9, expected"));
}

TEST_CASE("decode: transparent pixels are seen over white") {
  // Palette with tRNS, grey with alpha, RGB with alpha, and one colour that is transparent.
  const Bytes palette = png_chunk("PLTE", {10, 20, 30, 0, 0, 0}),
              trns = png_chunk("tRNS", {255, 51});
  CHECK(decoded(png(2, 1, 8, 3, {0, 0, 1}, {palette, trns})) == Bytes{10, 20, 30, 204, 204, 204});
  CHECK(decoded(png(3, 1, 8, 4, {0, 7, 0, 7, 255, 100, 127})) == Bytes{255, 7, 178});
  CHECK(decoded(png(2, 1, 8, 6, {0, 1, 2, 3, 0, 1, 2, 3, 255})) == Bytes{255, 255, 255, 1, 2, 3});
  CHECK(decoded(png(2, 1, 8, 0, {0, 9, 8}, {png_chunk("tRNS", {0, 9})})) == Bytes{255, 8});
  // A GIF file of 2x1: red, and a transparent colour.
  Bytes gif = bytes_of("GIF89a");
  append(gif, {2, 0, 1, 0, 0x80, 0, 0, 200, 0, 0, 0, 0, 50});
  append(gif, {0x21, 0xf9, 4, 1, 0, 0, 1, 0, 0x2c, 0, 0, 0, 0, 2, 0, 1, 0, 0});
  append(gif, {2, 2, 0x44, 0x0a, 0, 0x3b});  // codes of 3 bits: clear, 0, 1, end
  CHECK(decoded(gif) == Bytes{200, 0, 0, 255, 255, 255});
  // Another of 2x2 with a frame of 1x1 at the right bottom.
  Bytes part = bytes_of("GIF89a");
  append(part, {2, 0, 2, 0, 0x80, 1, 0, 200, 0, 0, 0, 0, 50});
  append(part, {0x2c, 1, 0, 1, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 0x01, 0, 0x3b});
  Bytes mostly_white(9, 255);
  append(mostly_white, {200, 0, 0});
  CHECK(decoded(part) == mostly_white);
  // TGA: the descriptor says whether the fourth byte is alpha.
  for (const int alpha_bits : {0, 8}) {
    Bytes file = tga(2, 1, 1, 32, alpha_bits);
    append(file, {30, 20, 10, 0});
    CHECK(decoded(file) == (alpha_bits ? Bytes{255, 255, 255} : Bytes{10, 20, 30}));
  }
  Bytes file = bmp(1, 1, 32);  // in BMP it is not used
  append(file, {30, 20, 10, 0});
  append(file, {30, 20, 10, 77});
  file[22] = 2;
  CHECK(decoded(file) == Bytes{10, 20, 30, 10, 20, 30});
}

TEST_CASE("decode: samples of any depth are rounded to 8 bits") {
  // 255 of these steps are 65535: 128 is nearer to 0, 129 to 1.
  const Bytes deep = {0, 0xff, 0xff, 0, 128, 0, 129, 0x7f, 0xff, 0x80, 0};
  CHECK(decoded(png(5, 1, 16, 0, deep)) == Bytes{255, 0, 1, 127, 128});
  CHECK(decoded(png(4, 1, 2, 0, {0, 0x1b})) == Bytes{0, 85, 170, 255});
  const auto pnm = [](const std::string& head, const Bytes& values) {
    Bytes file = bytes_of(head);
    append(file, values);
    return decoded(file);
  };
  CHECK(pnm("P5 5 1 65535\n", Bytes(deep.begin() + 1, deep.end())) == Bytes{255, 0, 1, 127, 128});
  CHECK(pnm("P5\n# the largest\n3 1 100\n", {0, 50, 100}) == Bytes{0, 128, 255});
  CHECK(pnm("P6 1 1 1000\n", {0, 0, 1, 244, 3, 232}) == Bytes{0, 128, 255});
  CHECK(pnm("P4 10 1\n", {0x55, 0x40}) == Bytes{255, 0, 255, 0, 255, 0, 255, 0, 255, 0});
  CHECK(pnm("P1 3 1\n1 01", {}) == Bytes{0, 255, 0});
  CHECK(pnm("P2 3 1 3 # text\n0 1\n3", {}) == Bytes{0, 85, 255});
  CHECK(pnm("P3 1 1 255 1 2 3", {}) == Bytes{1, 2, 3});
  CHECK(decode_error(bytes_of("P2 2 1 3 1 4")) == "file: found a value of 4, expected at most 3");
  CHECK(decode_error(bytes_of("P2 2 1 0 1 4")) ==
        "file: found 0 as the largest value, expected 1 to 65535");
}

TEST_CASE("decode: merged images of PSD files, plain and packed, in every colour model") {
  const auto with = [](Bytes file, const Bytes& planes) {
    append(file, planes);
    return decoded(file);
  };
  CHECK(with(psd(3, 3, 2, 1, 8, 0), {1, 2, 3, 4, 5, 6}) == Bytes{1, 3, 5, 2, 4, 6});
  // Alpha and other channels are merged already.
  CHECK(with(psd(3, 4, 2, 1, 8, 0), {1, 2, 3, 4, 5, 6, 0, 0}) == Bytes{1, 3, 5, 2, 4, 6});
  CHECK(with(psd(1, 1, 1, 2, 8, 0), {9, 8}) == Bytes{9, 8});
  CHECK(with(psd(1, 1, 2, 1, 16, 0), {0xff, 0xff, 0, 129}) == Bytes{255, 1});
  CHECK(with(psd(4, 4, 1, 1, 8, 0), {255, 128, 0, 128}) == Bytes{128, 64, 0});
  Bytes palette(768);
  palette[5] = 10, palette[256 + 5] = 20, palette[512 + 5] = 30;
  CHECK(with(psd(2, 1, 1, 1, 8, 0, palette), {5}) == Bytes{10, 20, 30});
  // Rows of 4 bytes: one run; copies, with a code that does nothing between.
  const Bytes rows = {0, 2, 0, 6, 0xfd, 7, 0, 1, 0x80, 2, 2, 3};
  CHECK(with(psd(1, 1, 4, 2, 8, 1), {0, 2, 0, 7, 0xfd, 7, 0, 1, 0x80, 2, 2, 3, 4}) ==
        Bytes{7, 7, 7, 7, 1, 2, 3, 4});
  CHECK(with(psd(1, 1, 2, 2, 16, 1), {0, 2, 0, 5, 0xfd, 255, 3, 0, 129, 128, 0}) ==
        Bytes{255, 255, 1, 128});
  Bytes damaged = psd(1, 1, 4, 2, 8, 1);
  append(damaged, rows);
  CHECK(decode_error(damaged) == "file: found a damaged image, expected a whole one");
}

TEST_CASE("decode: BMP files from the top, TGA files from the right") {
  Bytes down = bmp(1, static_cast<std::uint32_t>(-2), 24);
  append(down, {3, 2, 1, 0, 6, 5, 4, 0});
  CHECK(decoded(down) == Bytes{1, 2, 3, 4, 5, 6});
  Bytes left = tga(3, 2, 1, 8, 0x30);
  append(left, {1, 2});
  CHECK(decoded(left) == Bytes{2, 1});
  Bytes mapped = tga(1, 1, 1, 8, 0x20);
  mapped[1] = 1, mapped[3] = 2, mapped[5] = 1, mapped[7] = 24;
  append(mapped, {3, 2, 1, 2});
  CHECK(decode_error(mapped) == "file: found a TGA image whose colour map begins at 2, expected 0");
}

TEST_CASE("decode: a PNG file whose bytes changed is damaged, not another image") {
  Rng rng(7);
  Bytes rows;
  for (int y = 0; y < 10; ++y) {
    rows.push_back(0);
    for (int x = 0; x < 10; ++x) rows.push_back(static_cast<std::uint8_t>(rng.below(256)));
  }
  const Bytes whole = png(10, 10, 8, 0, rows);
  const Bytes pixels = decoded(whole);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= 16;
    Bytes found = pixels;
    const std::string error = error_of([&] { found = decoded(damaged); });
    CHECK((found == pixels || !error.empty()));
  }
}

TEST_CASE("decode: endings of names that are read") {
  for (const char* name : {"a.jpg", "a.JPG", "b.jpeg", "c.jfif", "c.jpe", "d.PnG", "e.bmp", "f.gif",
                           "g.tga", "h.psd", "i.ppm", "j.pgm", "k.pbm", "x.y.png"})
    CHECK_MESSAGE(datasets::has_image_name(name), name);
  for (const char* name :
       {"jpg", ".jpg", "a.", "a.txt", "a.heic", "a.pn", "a.jpg ", "a.peg", "a.e"})
    CHECK_MESSAGE(!datasets::has_image_name(name), name);
  CHECK(datasets::missing_package("a.txt").empty());
  CHECK(datasets::has_image_name("a.webp") == datasets::missing_package("a.webp").empty());
}

}  // namespace espalier::testing
