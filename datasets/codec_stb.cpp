// Codec: stb_image. Its functions are static here, so that programs may have copies of their own.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "datasets/encoded.h"
#include "datasets/exif.h"
#include "datasets/image_header.h"

namespace espalier::datasets {
namespace {

// What stb_image may take at once, and whether the system had less.
thread_local std::size_t most_memory = 0;
thread_local bool no_memory = false;

// Tables that a damaged JPEG file never sets are read all the same: they are zero then.
void* allocate(std::size_t bytes) {
  if (bytes > most_memory) return nullptr;
  void* block = std::calloc(1, std::max<std::size_t>(bytes, 1));
  no_memory |= !block;
  return block;
}
void* reallocate(void* block, std::size_t bytes) {
  if (bytes > most_memory) return nullptr;
  void* larger = std::realloc(block, std::max<std::size_t>(bytes, 1));
  no_memory |= !larger;
  return larger;
}

}  // namespace
}  // namespace espalier::datasets

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_MALLOC(bytes) espalier::datasets::allocate(bytes)
#define STBI_REALLOC(block, bytes) espalier::datasets::reallocate(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR  // its decoder never returns where the file ends too early
#define STBI_NO_PIC
#define STBI_NO_PNM  // without the largest value, and with the bytes of 16 bits swapped
#define STBI_NO_PSD  // without packed files of 16 bits, and without grey
#define STBI_NO_FAILURE_STRINGS
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace espalier::datasets {
namespace {

// Most of stb_image's decoders take the rest of an image for black where the file ends too early.
// Handing out the bytes ourselves, we see them ask for more than there are.
struct Source {
  const char* next;
  std::size_t left;
  std::size_t cleared;
  const char* buffer = nullptr;  // stb_image's own: it asks for that to be filled as far as it goes
  bool cut_short = false;

  static int read(void* user, char* to, int wanted) {
    auto& source = *static_cast<Source*>(user);
    if (!source.buffer) source.buffer = to;
    const std::size_t count = std::min(source.left, static_cast<std::size_t>(wanted));
    if (source.left == 0 || (to != source.buffer && count < static_cast<std::size_t>(wanted)))
      source.cut_short = true;
    std::memcpy(to, source.next, count);
    if (source.cleared > 0 && source.cleared < count) to[source.cleared] = 0;
    source.cleared = 0;
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

// 16 bits a sample to 8, in place.
void round_samples(Pixels& pixels) {
  const std::size_t count =
      static_cast<std::size_t>(pixels.height) * pixels.width * pixels.channels;
  std::uint8_t* bytes = pixels.bytes.get();
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t sample;
    std::memcpy(&sample, bytes + 2 * i, 2);
    bytes[i] = static_cast<std::uint8_t>((sample + 128u) / 257);
  }
}

}  // namespace

Pixels decode_stb(const Encoded& file, const ImageHeader& header) {
  file.check_size(header.width, header.height, header.least_bytes);
  // Its largest block: 4 samples of 16 bits a pixel, of as many pixels as fill up blocks of JPEG,
  // or twice that, as it doubles buffers; or the file's content.
  most_memory = static_cast<std::size_t>((header.width + 64) * (header.height + 64)) * 16 +
                2 * file.size() + (std::size_t{1} << 20);
  no_memory = false;
  Source source = {reinterpret_cast<const char*>(file.bytes.data()), file.size(), header.cleared};
  const stbi_io_callbacks callbacks = {Source::read, Source::skip, Source::at_end};
  Pixels pixels;
  // As many channels as the file has: it blends nothing itself.
  int *const width = &pixels.width, *const height = &pixels.height, *channels = &pixels.channels;
  if (header.deep)
    pixels.bytes.reset(reinterpret_cast<stbi_uc*>(
        stbi_load_16_from_callbacks(&callbacks, &source, width, height, channels, 0)));
  else
    pixels.bytes.reset(stbi_load_from_callbacks(&callbacks, &source, width, height, channels, 0));
  if (!pixels.bytes && no_memory) file.fail_no_memory(header.width, header.height);
  check(!source.cut_short, file.name, ": found the end of the file after ", file.size(),
        " bytes, expected more of the image");
  if (!pixels.bytes || pixels.width != header.width || pixels.height != header.height)
    file.fail_damaged();
  if (header.deep) round_samples(pixels);
  if (header.opaque && pixels.channels % 2 == 0) {
    const std::size_t area = static_cast<std::size_t>(pixels.height) * pixels.width;
    for (std::size_t i = 1; i <= area; ++i) pixels.bytes[i * pixels.channels - 1] = 255;
  }
  return upright(file, std::move(pixels), header.orientation);
}

}  // namespace espalier::datasets
