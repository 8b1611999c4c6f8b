// Codec: TIFF by libtiff, where that was there when this was compiled (see the Makefile).
#include "core/error.h"
#include "datasets/encoded.h"

#ifdef ESPALIER_TIFF
#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace espalier::datasets {
namespace {

// The file's content as libtiff reads it.
struct Source {
  std::span<const std::byte> bytes;
  std::uint64_t at = 0;

  static tmsize_t read(thandle_t handle, void* to, tmsize_t wanted) {
    auto& source = *static_cast<Source*>(handle);
    const std::uint64_t left = source.bytes.size() - std::min(source.at, source.size());
    const std::uint64_t count = std::min(left, static_cast<std::uint64_t>(wanted));
    if (count > 0) std::memcpy(to, source.bytes.data() + source.at, count);
    source.at += count;
    return static_cast<tmsize_t>(count);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return -1; }
  static toff_t seek(thandle_t handle, toff_t by, int from) {
    auto& source = *static_cast<Source*>(handle);
    return source.at = by + (from == SEEK_CUR ? source.at : from == SEEK_END ? source.size() : 0);
  }
  static int close(thandle_t) { return 0; }
  static toff_t file_size(thandle_t handle) { return static_cast<Source*>(handle)->size(); }

  std::uint64_t size() const { return bytes.size(); }
};

// What libtiff complained of first, in its own words.
int keep_first(TIFF*, void* to, const char*, const char* format, va_list arguments) {
  auto& text = *static_cast<std::string*>(to);
  char buffer[256];
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  if (text.empty()) text = buffer;
  return 1;
}
int ignore(TIFF*, void*, const char*, const char*, va_list) { return 1; }

Pixels decode_file(const Encoded& file) {
  Source source = {file.bytes};
  std::string complaint;
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  if (!options) file.fail_no_memory(0, 0);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_first, &complaint);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore, nullptr);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(),
                                      static_cast<tmsize_t>(8 * file.max_pixels + (8 << 20)));
  const std::unique_ptr<TIFF, void (*)(TIFF*)> tiff(
      TIFFClientOpenExt(file.name.c_str(), "rm", &source, Source::read, Source::write, Source::seek,
                        Source::close, Source::file_size, nullptr, nullptr, options.get()),
      TIFFClose);
  const auto refuse = [&](std::int64_t width, std::int64_t height) {
    if (complaint.find("memory") != complaint.npos) file.fail_no_memory(width, height);
    fail(file.name, ": found a damaged TIFF image or one of a kind that is not read (",
         complaint.empty() ? "libtiff does not say why" : complaint, "), expected a whole one");
  };
  if (!tiff) refuse(0, 0);
  std::uint32_t width = 0, height = 0;
  std::uint16_t orientation = 1, coding = 1, bits = 1, samples = 1;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_COMPRESSION, &coding);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, &samples);
  // Alpha is multiplied in already, unless it is that of grey pixels which are not stored so.
  std::uint16_t photometric = PHOTOMETRIC_RGB, extras = 0, *kinds = nullptr;
  TIFFGetField(tiff.get(), TIFFTAG_PHOTOMETRIC, &photometric);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_EXTRASAMPLES, &extras, &kinds);
  const bool grey = photometric <= PHOTOMETRIC_MINISBLACK;
  const bool straight = grey && extras > 0 && kinds[0] == EXTRASAMPLE_UNASSALPHA;
  file.check_size(width, height, 0);
  // How many bytes one can unpack to at most, where there is a bound. Chroma may be halved both
  // ways, so that 3 samples are half as many.
  const bool deflated = coding == COMPRESSION_DEFLATE || coding == COMPRESSION_ADOBE_DEFLATE;
  const std::int64_t inflation = coding == COMPRESSION_NONE       ? 1
                                 : coding == COMPRESSION_PACKBITS ? 64
                                 : coding == COMPRESSION_LZW      ? 4096 * 8 / 9
                                 : deflated                       ? 1032
                                                                  : 0;
  if (inflation > 0)
    file.check_size(width, height,
                    std::int64_t{width} * height * bits * std::max(1, samples / 2) / 8 / inflation);

  // As it is stored: libtiff would turn it upside down, but not by a quarter.
  Pixels pixels = file.allocate(4, height, width);
  if (!TIFFReadRGBAImageOriented(tiff.get(), width, height,
                                 reinterpret_cast<std::uint32_t*>(pixels.bytes.get()), orientation,
                                 1))
    refuse(width, height);
  std::uint8_t* to = pixels.bytes.get();
  for (std::size_t i = 0; i < std::size_t{width} * height; ++i) {
    std::uint32_t pixel;
    std::memcpy(&pixel, pixels.bytes.get() + 4 * i, 4);
    const unsigned opaque = TIFFGetA(pixel);
    for (const unsigned value : {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)}) {
      const unsigned blended = straight ? (value * opaque + 127) / 255 : value;
      *to++ = static_cast<std::uint8_t>(std::min(blended + 255 - opaque, 255u));
    }
  }
  pixels.channels = 3;
  return upright(file, std::move(pixels), orientation);
}

}  // namespace

Decode* const decode_tiff = decode_file;

}  // namespace espalier::datasets
#else
espalier::datasets::Decode* const espalier::datasets::decode_tiff = nullptr;
#endif
