// MNIST: idx files. The head is a magic number (type 8: bytes; rank) and the extent of each
// dimension, in four bytes each, most significant first; the values follow, row-major.
#include "datasets/mnist.h"

#include <array>

#include "core/error.h"
#include "core/file.h"
#include "datasets/gzip.h"
#include "datasets/paths.h"

namespace espalier::datasets {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;  // bounds what a packed file may hold

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

struct Idx {
  std::string path;
  std::array<std::uint64_t, 3> extent = {1, 1, 1};
  std::vector<std::byte> content;  // head included
  std::size_t head = 0;

  const std::uint8_t* values() const {
    return reinterpret_cast<const std::uint8_t*>(content.data()) + head;
  }
  std::uint64_t count() const { return extent[0] * extent[1] * extent[2]; }
};

std::uint32_t big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(bytes[i]);
  return value;
}

Idx read_idx(const std::string& folder, const Kind& kind) {
  Idx idx;
  idx.path = find(folder, kind);
  check(!idx.path.empty(), folder, ": found no ", kind.name('-'), ", expected it, plain or .gz");
  idx.content = read_file(idx.path);
  const std::string& path = idx.path;
  const bool packed = path.ends_with(".gz");
  idx.head = 4 + 4 * static_cast<std::size_t>(kind.rank);
  const std::vector<std::byte> head =
      packed ? gunzip(idx.content, idx.head, path)
             : std::vector(idx.content.begin(),
                           idx.content.begin() +
                               static_cast<std::ptrdiff_t>(std::min(idx.head, idx.content.size())));
  check(head.size() == idx.head, path, ": found ", head.size(), " bytes, expected a head of ",
        idx.head, " bytes");
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
  check(idx.count() <= kMostBytes, path, ": found a head that announces ", idx.count(),
        " bytes, expected at most ", kMostBytes);

  // One byte more than announced, so that a longer file shows.
  const std::size_t size = idx.head + idx.count();
  if (packed) idx.content = gunzip(idx.content, size + 1, path);
  check(idx.content.size() == size, path, ": found ",
        packed && idx.content.size() > size ? "more than " : "",
        packed && idx.content.size() > size ? size : idx.content.size(),
        packed ? " unpacked bytes" : " bytes", ", expected ", size, " as the head announces");
  return idx;
}

Dataset read_set(const std::string& folder, const std::string& name) {
  Dataset set;
  set.channels = 1;
  for (int digit = 0; digit < 10; ++digit) set.classes.push_back(std::to_string(digit));
  std::uint64_t count;
  {
    const Idx images = read_idx(folder, {name, "images", 3});
    count = images.extent[0];
    set.height = static_cast<int>(images.extent[1]);
    set.width = static_cast<int>(images.extent[2]);
    set.images.assign(images.values(), images.values() + images.count());
  }
  const Idx labels = read_idx(folder, {name, "labels", 1});
  check(labels.count() == count, labels.path, ": found ", labels.count(), " labels, expected ",
        count, " for as many pictures");
  for (std::uint64_t i = 0; i < count; ++i) {
    const int label = labels.values()[i];
    check(label < 10, labels.path, ": found label ", label, " of picture ", i, ", expected 0 to 9");
    set.labels.push_back(label);
  }
  return set;
}

}  // namespace

Data mnist(const std::string& folder) {
  Data data = {
      .name = "MNIST", .train = read_set(folder, "train"), .test = read_set(folder, "t10k")};
  check(data.test.height == data.train.height && data.test.width == data.train.width, folder,
        ": found test pictures of ", data.test.height, "x", data.test.width, ", expected ",
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
