// Codec: stb_image, stb_image_resize and stb_image_write. Their functions are static here, so that
// programs may have copies of their own, and files are opened by ours, which say why they cannot
// be.
#include "datasets/codec.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "core/file_kind.h"
#include "datasets/paths.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
// Tables that a damaged JPEG file never sets are read all the same: they are zero then.
#define STBI_MALLOC(bytes) std::calloc(1, bytes)
#define STBI_REALLOC(block, bytes) std::realloc(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR  // its decoder never returns where the file ends too early
#define STBI_NO_PIC
#define STBI_NO_FAILURE_STRINGS
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace espalier::datasets {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

// Most of stb_image's decoders take the rest of a picture for black where the file ends too early.
// Handing out the bytes ourselves, we see them ask for more than there are.
struct Source {
  const char* next;
  std::size_t left;
  const char* buffer = nullptr;  // stb_image's own: it asks for that to be filled as far as it goes
  bool cut_short = false;

  static int read(void* user, char* to, int wanted) {
    auto& source = *static_cast<Source*>(user);
    if (!source.buffer) source.buffer = to;
    const std::size_t count = std::min(source.left, static_cast<std::size_t>(wanted));
    if (source.left == 0 || (to != source.buffer && count < static_cast<std::size_t>(wanted)))
      source.cut_short = true;
    std::memcpy(to, source.next, count);
    source.skip_bytes(count);
    return static_cast<int>(count);
  }
  static void skip(void* user, int count) {  // never backwards but within stb_image's own buffer
    auto& source = *static_cast<Source*>(user);
    source.skip_bytes(std::min(source.left, static_cast<std::size_t>(std::max(count, 0))));
  }
  static int at_end(void* user) { return static_cast<Source*>(user)->left == 0; }

  void skip_bytes(std::size_t count) {
    next += count;
    left -= count;
  }
};

// Whether the Huffman tables of a JPEG file fit into those of stb_image, which does not look (as of
// 2.27). They have room for 256 codes, and the last of them is taken for a mark. Walks from marker
// to marker as its decoder does.
bool tables_fit(std::span<const stbi_uc> file) {
  std::size_t at = 0;
  const auto next = [&] {  // zeros behind the end
    const std::size_t here = at++;
    return here < file.size() ? file[here] : stbi_uc{0};
  };
  while (at < file.size()) {
    if (next() != 0xff) continue;
    int marker = 0xff;
    while (marker == 0xff && at < file.size()) marker = next();
    if (marker == 0xd9) break;                                       // the end
    if (marker < 2 || (marker >= 0xd0 && marker <= 0xd8)) continue;  // nothing follows
    const std::size_t begin = at;
    std::size_t length = next();
    length = length << 8 | next();
    while (marker == 0xc4 && at < begin + length) {
      next();  // which table it is
      int codes = 0;
      for (int bits = 1; bits <= 16; ++bits) codes += next();
      if (codes > 255) return false;
      at += static_cast<std::size_t>(codes);
    }
    at = begin + std::max<std::size_t>(length, 2);
  }
  return true;
}

}  // namespace

Pixels decode(std::span<const std::byte> file, const std::string& name) {
  check(!file.empty(), name, ": found an empty file, expected a picture");
  check(file.size() <= kMostBytes, name, ": found more than ", kMostBytes,
        " bytes, expected a smaller picture");
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
  const bool jpeg = file.size() > 1 && bytes[0] == 0xff && (bytes[1] == 0xd8 || bytes[1] == 0xff);
  check(!jpeg || tables_fit({bytes, file.size()}), name,
        ": found a Huffman table of more than 255 codes, expected a whole picture");
  Pixels pixels;
  check(stbi_info_from_memory(bytes, static_cast<int>(file.size()), &pixels.width, &pixels.height,
                              &pixels.channels) != 0,
        name, ": found ", kind_of(file, name).or_else("no picture"),
        ", expected JPEG, PNG, BMP, GIF, TGA, PSD or PNM");
  check(pixels.width > 0 && pixels.width <= kMostSide && pixels.height > 0 &&
            pixels.height <= kMostSide && std::int64_t{pixels.width} * pixels.height <= kMostPixels,
        name, ": found a picture of ", pixels.width, "x", pixels.height, ", expected at most ",
        kMostPixels, " pixels and sides of ", kMostSide);
  Source source = {reinterpret_cast<const char*>(bytes), file.size()};
  const stbi_io_callbacks callbacks = {Source::read, Source::skip, Source::at_end};
  // As many channels as the file has: asked for others, it reads beyond 16-bit PNM pictures.
  pixels.bytes.reset(stbi_load_from_callbacks(&callbacks, &source, &pixels.width, &pixels.height,
                                              &pixels.channels, 0));
  check(pixels.bytes != nullptr, name, ": found a damaged picture, expected a whole one");
  check(!source.cut_short, name, ": found the end of the file after ", file.size(),
        " bytes, expected more of the picture");
  return pixels;
}

Pixels decode(const std::string& path) {
  const std::size_t hint = file_size_hint(path);
  check(hint <= kMostBytes, path, ": found ", hint, " bytes, expected a picture of at most ",
        kMostBytes);
  return decode(read_file(path), path);
}

std::string encode_png(std::span<const std::uint8_t> pixels, int channels, int height, int width) {
  std::string png;
  const auto append = [](void* to, void* bytes, int count) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes),
                                          static_cast<std::size_t>(count));
  };
  check(stbi_write_png_to_func(append, &png, width, height, channels, pixels.data(), 0) != 0,
        "encode_png: no memory for a picture of ", width, "x", height);
  return png;
}

}  // namespace espalier::datasets
