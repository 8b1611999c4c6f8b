// Codec: PBM, PGM and PPM, "P1" to "P6": numbers as text or as bytes, up to the largest value.
#include <vector>

#include "core/error.h"
#include "datasets/encoded.h"

namespace espalier::datasets {
namespace {

class Reader {
 public:
  explicit Reader(const Encoded& file) : file_(file), kind_(static_cast<int>(file.at(1)) - '0') {}

  Pixels read() {
    const unsigned width = number(), height = number();
    most_ = bitmap() ? 1 : number();
    check(most_ >= 1 && most_ <= 65535, file_.name, ": found ", most_,
          " as the largest value, expected 1 to 65535");
    if (binary()) ++at_;  // one space
    const int channels = kind_ % 3 == 0 ? 3 : 1;
    const std::size_t bytes = most_ > 255 ? 2 : 1;
    const std::int64_t row = std::int64_t{width} * channels;
    std::int64_t least = bitmap() ? (row + 7) / 8 : row * static_cast<std::int64_t>(bytes);
    if (!binary()) least = bitmap() ? row : 2 * row - 1;  // a space between
    file_.check_size(width, height, 0);
    file_.check_size(width, height, static_cast<std::int64_t>(at_) + least * height);

    Pixels pixels = file_.allocate(channels, height, width);
    std::uint8_t* to = pixels.bytes.get();
    for (unsigned y = 0; y < height; ++y) {
      for (std::int64_t i = 0; i < row; ++i) *to++ = scaled(sample(i, bytes));
      if (binary()) at_ += static_cast<std::size_t>(least);
    }
    return pixels;
  }

 private:
  bool binary() const { return kind_ > 3; }
  bool bitmap() const { return kind_ == 1 || kind_ == 4; }

  void skip_space() {
    for (; at_ < file_.size(); ++at_) {
      if (file_.at(at_) == '#')
        while (at_ < file_.size() && file_.at(at_) != '\n' && file_.at(at_) != '\r') ++at_;
      else if (file_.at(at_) != ' ' && (file_.at(at_) < '\t' || file_.at(at_) > '\r'))
        return;
    }
    file_.fail_cut_short();
  }
  unsigned digit() {
    const unsigned found = file_.at(at_) - '0';
    if (found > 9) file_.fail_damaged();
    ++at_;
    return found;
  }
  unsigned number() {
    skip_space();
    unsigned value = digit();
    while (file_.at(at_) >= '0' && file_.at(at_) <= '9') {
      value = 10 * value + digit();
      if (value > 99'999'999) file_.fail_damaged();
    }
    return value;
  }

  // The i-th of a row. Ones of a bitmap are black.
  unsigned sample(std::int64_t i, std::size_t bytes) {
    const auto k = static_cast<std::size_t>(i);
    if (kind_ == 4) return ~file_.at(at_ + k / 8) >> (7 - k % 8) & 1;
    if (binary()) return bytes == 2 ? file_.be16(at_ + 2 * k) : file_.at(at_ + k);
    if (!bitmap()) return number();
    skip_space();
    return 1 - std::min(digit(), 1u);
  }
  std::uint8_t scaled(unsigned value) {
    check(value <= most_, file_.name, ": found a value of ", value, ", expected at most ", most_);
    return static_cast<std::uint8_t>((value * 255 + most_ / 2) / most_);
  }

  const Encoded& file_;
  const int kind_;
  std::size_t at_ = 2;
  unsigned most_ = 0;
};

}  // namespace

Pixels decode_pnm(const Encoded& file) { return Reader(file).read(); }

}  // namespace espalier::datasets
