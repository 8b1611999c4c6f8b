// Images of all formats, told apart by their first bytes, with their EXIF.
#include "datasets/codec.h"
#include "tests/fuzz/fuzz.h"

namespace espalier::fuzz {
namespace {

constexpr std::int64_t kMaxPixels = 1 << 18;

const Registered target("images", [](Input input) {
  reads([&] {
    const datasets::Pixels pixels = datasets::decode(input, "input", kMaxPixels);
    expect(pixels.width > 0 && pixels.height > 0 && pixels.channels >= 1 && pixels.channels <= 4,
           "an image has pixels");
    expect(std::int64_t{pixels.width} * pixels.height <= kMaxPixels, "the limit is kept");
  });
});

}  // namespace
}  // namespace espalier::fuzz
