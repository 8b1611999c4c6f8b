// MNIST: idx files. The head is a magic number (type 8: bytes; rank) and the extent of each
// dimension, in four bytes each, most significant first; the values follow, row-major.
#include "datasets/mnist.h"

#include <algorithm>
#include <array>
#include <new>
#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "datasets/gzip.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

// One of the four files: "train" and "images", of so many dimensions.
struct Kind {
  std::string set, what;
  int rank;

  std::string name(char separator) const {
    return set + "-" + what + separator + "idx" + std::to_string(rank) + "-ubyte";
  }
};

// Empty when it is there under none of its names.
std::string find(const std::string& folder, const Kind& kind) {
  for (const char* end : {"", ".gz"})
    for (const char separator : {'-', '.'})
      if (const std::string path = join(folder, kind.name(separator) + end); exists(path))
        return path;
  return "";
}

std::uint32_t big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(bytes[i]);
  return value;
}

// What an idx file holds, plain or packed, from its beginning.
class Content {
 public:
  explicit Content(const std::string& path) : path_(path), bytes_(read_file(path)) {
    if (path.ends_with(".gz")) packed_.emplace(bytes_, path);
  }
  const std::string& path() const { return path_; }
  bool packed() const { return packed_.has_value(); }
  // What as many bytes as are left can be at most.
  std::uint64_t most() const { return (bytes_.size() - at_) * (packed() ? kMostInflation : 1); }
  // Fills `to`, and returns how much of it: less only at the end.
  std::size_t read(std::span<std::byte> to) {
    if (packed_) return packed_->read(to);
    const std::size_t count = std::min(to.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, to.begin());
    at_ += count;
    return count;
  }

 private:
  std::string path_;
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
  std::optional<Gunzip> packed_;
};

struct Idx {
  std::string path;
  std::array<std::uint64_t, 3> extent = {1, 1, 1};
  std::vector<std::uint8_t> values;

  std::uint64_t count() const { return extent[0] * extent[1] * extent[2]; }
};

// The values take memory as they come out, not as the head announces them.
void read_values(Content& content, Idx& idx) {
  constexpr std::size_t kPart = std::size_t{1} << 20;
  const std::string& path = idx.path;
  const std::size_t count = idx.count();
  const auto refuse = [&](const char* more, std::uint64_t found) {
    fail(path, ": found ", more, found, content.packed() ? " unpacked" : "",
         " bytes behind the head, which announces ", count);
  };
  if (content.most() < count) refuse("no more than ", content.most());
  try {
    idx.values.reserve(count);  // no memory until it is written to
    for (std::size_t made = 0; made < count;) {
      idx.values.resize(std::min(count, made + kPart));
      const auto part = std::as_writable_bytes(std::span(idx.values).subspan(made));
      const std::size_t found = content.read(part);
      made += found;
      if (found < part.size()) refuse("", made);
    }
  } catch (const std::bad_alloc&) {
    fail(path, ": no memory for ", count, " bytes");
  }
  std::byte more;
  if (content.read({&more, 1}) > 0) refuse("more than ", count);
}

// The file of a kind.
std::string path_of(const std::string& folder, const Kind& kind) {
  const std::string path = find(folder, kind);
  check(!path.empty(), folder, ": found no ", kind.name('-'), ", expected it, plain or .gz");
  return path;
}

// Reads the head; the values are still to come.
Idx idx_of(Content& content, const Kind& kind, std::int64_t max_pixels) {
  Idx idx;
  const std::string& path = idx.path = content.path();
  std::array<std::byte, 16> head;
  const std::size_t size = 4 + 4 * static_cast<std::size_t>(kind.rank);
  const std::size_t found = content.read(std::span(head).first(size));
  check(found == size, path, ": found ", found, " bytes, expected a head of ", size, " bytes");
  const std::uint32_t magic = big_endian(head.data());
  const std::uint32_t expected = 0x800u + static_cast<std::uint32_t>(kind.rank);
  check(magic == expected, path, ": found the magic number ", magic, ", expected ", expected,
        " (idx, bytes, rank ", kind.rank, ")");
  for (int k = 0; k < kind.rank; ++k) {
    idx.extent[k] = big_endian(head.data() + 4 + 4 * k);
    // Two factors below 2^15 keep the product below 2^62.
    const std::uint64_t most = k == 0 ? 0xffffffffu : 32767;
    check(idx.extent[k] >= 1 && idx.extent[k] <= most, path, ": found extent ", idx.extent[k],
          " of dimension ", k, ", expected 1 to ", most);
  }
  const auto most = static_cast<std::uint64_t>(max_pixels);
  check(idx.extent[1] * idx.extent[2] <= most, path, ": found images of ", idx.extent[1], "x",
        idx.extent[2], ", expected at most ", max_pixels, " pixels");
  check(idx.count() <= kMostImages * most, path, ": found a head that announces ", idx.count(),
        " bytes, expected at most ", kMostImages * most, ", which is ", kMostImages,
        " of the largest images");
  return idx;
}

Dataset read_set(const std::string& folder, const std::string& name, std::int64_t max_pixels,
                 std::vector<std::string>& read) {
  Dataset set;
  set.channels = 1;
  for (int digit = 0; digit < 10; ++digit) set.classes.push_back(std::to_string(digit));
  const Kind of_images{name, "images", 3}, of_labels{name, "labels", 1};
  Content image_bytes(path_of(folder, of_images)), label_bytes(path_of(folder, of_labels));
  Idx images = idx_of(image_bytes, of_images, max_pixels),
      labels = idx_of(label_bytes, of_labels, max_pixels);
  const std::uint64_t count = images.extent[0];
  check(labels.count() == count, labels.path, ": found ", labels.count(), " labels, expected ",
        count, " for as many images");
  read_values(label_bytes, labels);
  read_values(image_bytes, images);
  set.height = static_cast<int>(images.extent[1]);
  set.width = static_cast<int>(images.extent[2]);
  set.images = std::move(images.values);
  for (std::uint64_t i = 0; i < count; ++i)
    check(labels.values[i] < 10, labels.path, ": found label ", int{labels.values[i]}, " of image ",
          i, ", expected 0 to 9");
  set.labels.assign(labels.values.begin(), labels.values.end());
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
    for (const Kind& kind : {Kind{set, "images", 3}, Kind{set, "labels", 1}})
      if (!find(folder, kind).empty()) return true;
  return false;
}

}  // namespace espalier::datasets
