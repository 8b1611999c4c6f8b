// MNIST: idx files. The head is a magic number (type 8: bytes; rank) and the extent of each
// dimension, in four bytes each, most significant first; the values follow, row-major.
#include "datasets/open.h"

#include <algorithm>
#include <array>
#include <new>

#include "core/error.h"
#include "core/file.h"
#include "datasets/gzip.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

constexpr std::uint64_t kMostImages = 8;  // of the largest size, in a file

// The file of a set, "train" or "t10k", with its images (rank 3) or labels (rank 1).
std::string name_of(const std::string& set, int rank, char separator = '-') {
  return set + (rank == 3 ? "-images" : "-labels") + separator + "idx" + std::to_string(rank) +
         "-ubyte";
}

// Empty when it is there under none of its names.
std::string find(const std::string& folder, const std::string& set, int rank) {
  for (const char* end : {"", ".gz"})
    for (const char separator : {'-', '.'})
      if (const std::string path = join(folder, name_of(set, rank, separator) + end); exists(path))
        return path;
  return "";
}

// An idx file, plain or packed.
class Idx {
 public:
  std::string path;
  std::array<std::uint64_t, 3> extent = {1, 1, 1};

  // Reads the head.
  Idx(const std::string& folder, const std::string& set, int rank, std::int64_t max_pixels)
      : path(find(folder, set, rank)), head_(4 + 4 * static_cast<std::size_t>(rank)) {
    check(!path.empty(), folder, ": found no ", name_of(set, rank), ", expected it, plain or .gz");
    bytes_ = read_file(path);
    const std::vector<std::uint8_t> head = content(head_);
    check(head.size() == head_, path, ": found ", head.size(), " bytes, expected a head of ", head_,
          " bytes");
    const auto number = [&](int k) {
      std::uint32_t value = 0;
      for (int i = 4 * k; i < 4 * k + 4; ++i) value = value << 8 | head[i];
      return value;
    };
    const std::uint32_t expected = 0x800u + static_cast<std::uint32_t>(rank);
    check(number(0) == expected, path, ": found the magic number ", number(0), ", expected ",
          expected, " (idx, bytes, rank ", rank, ")");
    for (int k = 0; k < rank; ++k) {
      extent[k] = number(k + 1);
      // Two factors below 2^15 keep the product below 2^62.
      const std::uint64_t most = k == 0 ? 0xffffffffu : 32767;
      check(extent[k] >= 1 && extent[k] <= most, path, ": found extent ", extent[k],
            " of dimension ", k, ", expected 1 to ", most);
    }
    const auto most = static_cast<std::uint64_t>(max_pixels);
    check(extent[1] * extent[2] <= most, path, ": found images of ", extent[1], "x", extent[2],
          ", expected at most ", max_pixels, " pixels");
    check(count() <= kMostImages * most, path, ": found a head that announces ", count(),
          " bytes, expected at most ", kMostImages * most, ", which is ", kMostImages,
          " of the largest images");
  }

  std::vector<std::uint8_t> values() const {
    const auto refuse = [&](const char* more, std::uint64_t found) {
      fail(path, ": found ", more, found, packed() ? " unpacked" : "",
           " bytes behind the head, which announces ", count());
    };
    const std::uint64_t most = packed() ? bytes_.size() * kMostInflation : bytes_.size() - head_;
    if (most < count()) refuse("no more than ", most);
    std::vector<std::uint8_t> values;
    try {
      values = content(head_ + count() + 1);
      values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(head_));
    } catch (const std::bad_alloc&) {
      fail(path, ": no memory for ", count(), " bytes");
    }
    if (values.size() < count()) refuse("", values.size());
    if (values.size() > count()) refuse("more than ", count());
    return values;
  }

 private:
  bool packed() const { return path.ends_with(".gz"); }
  std::uint64_t count() const { return extent[0] * extent[1] * extent[2]; }

  // The first bytes, unpacked, as far as there are.
  std::vector<std::uint8_t> content(std::size_t most) const {
    if (packed()) return gunzip(bytes_, path, most);
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes_.data());
    return {first, first + std::min(most, bytes_.size())};
  }

  std::size_t head_;  // its bytes
  std::vector<std::byte> bytes_;
};

Dataset read_set(const std::string& folder, const std::string& name, std::int64_t max_pixels,
                 std::vector<std::string>& read) {
  const Idx images(folder, name, 3, max_pixels), labels(folder, name, 1, max_pixels);
  const std::uint64_t count = images.extent[0];
  check(labels.extent[0] == count, labels.path, ": found ", labels.extent[0], " labels, expected ",
        count, " for as many images");
  Dataset set = {.channels = 1,
                 .height = static_cast<int>(images.extent[1]),
                 .width = static_cast<int>(images.extent[2])};
  for (int digit = 0; digit < 10; ++digit) set.classes.push_back(std::to_string(digit));
  for (const std::uint8_t label : labels.values()) {
    check(label < 10, labels.path, ": found label ", int{label}, " of image ", set.size(),
          ", expected 0 to 9");
    set.labels.push_back(label);
  }
  set.images = images.values();
  for (const std::string& path : {images.path, labels.path}) read.push_back(last_name(path));
  return set;
}

}  // namespace

Data mnist(const std::string& folder, std::int64_t max_pixels) {
  std::vector<std::string> read;
  Data data = {.name = "MNIST",
               .train = read_set(folder, "train", max_pixels, read),
               .test = read_set(folder, "t10k", max_pixels, read)};
  skip_all_but(folder, read, data.skipped);
  check(data.test.height == data.train.height && data.test.width == data.train.width, folder,
        ": found test images of ", data.test.height, "x", data.test.width, ", expected ",
        data.train.height, "x", data.train.width, " as in training");
  normalise_alike(data);
  return data;
}

bool has_mnist_files(const std::string& folder) {
  for (const char* set : {"train", "t10k"})
    for (const int rank : {3, 1})
      if (!find(folder, set, rank).empty()) return true;
  return false;
}

}  // namespace espalier::datasets
