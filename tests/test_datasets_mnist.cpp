// MNIST's idx files, plain and packed, and gunzip() on whatever a packed file may hold.
#include <zlib.h>

#include <filesystem>

#include "datasets/gzip.h"
#include "datasets/open.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::uint8_t>;

// An idx file of the given extents and values. The head may announce anything.
Bytes idx(const std::vector<std::uint32_t>& extents, const Bytes& values) {
  Bytes bytes = {0, 0, 8, static_cast<std::uint8_t>(extents.size())};
  for (const std::uint32_t extent : extents)
    for (const int shift : {24, 16, 8, 0})
      bytes.push_back(static_cast<std::uint8_t>(extent >> shift));
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

Bytes counting(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(7 * i + i / 256);
  return bytes;
}

Bytes gzip(const Bytes& bytes) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes packed(bytes.size() + 1024);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes unpacked(const Bytes& packed, std::size_t limit) {
  return gunzip(std::as_bytes(std::span(packed)), "file", limit);
}

const Bytes kPictures = idx({3, 4, 5}, counting(60)), kTest = idx({2, 4, 5}, counting(40));
const Bytes kLabels = idx({3}, {7, 0, 9}), kTestLabels = idx({2}, {1, 2});

void write_mnist(const TempDir& folder) {
  write_bytes(folder / "train-images-idx3-ubyte", kPictures);
  write_bytes(folder / "train-labels-idx1-ubyte", kLabels);
  write_bytes(folder / "t10k-images-idx3-ubyte", kTest);
  write_bytes(folder / "t10k-labels-idx1-ubyte", kTestLabels);
}

std::string message(const TempDir& folder) {
  return error_of([&] { mnist(folder.path().string()); });
}

}  // namespace

TEST_CASE("mnist: pictures, labels and classes from plain files") {
  TempDir folder;
  write_mnist(folder);
  const Data data = mnist(folder.path().string());
  CHECK(data.name == "MNIST");
  CHECK(data.train.channels == 1);
  CHECK(data.train.height == 4);
  CHECK(data.train.width == 5);
  CHECK(data.train.images == counting(60));
  CHECK(data.train.labels == std::vector<std::int32_t>{7, 0, 9});
  CHECK(data.test.labels == std::vector<std::int32_t>{1, 2});
  REQUIRE(data.train.classes.size() == 10);
  CHECK(data.train.classes[7] == "7");
  CHECK(data.test.classes == data.train.classes);
}

TEST_CASE("mnist: packed files and names with a dot are the same data") {
  TempDir plain, packed;
  write_mnist(plain);
  write_bytes(packed / "train-images-idx3-ubyte.gz", gzip(kPictures));
  write_bytes(packed / "train-labels.idx1-ubyte.gz", gzip(kLabels));
  write_bytes(packed / "t10k-images.idx3-ubyte", kTest);
  write_bytes(packed / "t10k-labels-idx1-ubyte.gz", gzip(kTestLabels));
  const Data a = mnist(plain.path().string()), b = mnist(packed.path().string());
  CHECK(equal(a.train, b.train));
  CHECK(equal(a.test, b.test));
}

TEST_CASE("mnist: missing and unreadable files are errors that name them") {
  TempDir folder;
  CHECK(message(folder) ==
        folder.path().string() + ": found no train-images-idx3-ubyte, expected it, plain or .gz");
  CHECK_FALSE(has_mnist_files(folder.path().string()));
  write_mnist(folder);
  CHECK(has_mnist_files(folder.path().string()));
  fs::remove(folder / "t10k-labels-idx1-ubyte");
  CHECK(contains(message(folder), "found no t10k-labels-idx1-ubyte"));
  fs::create_directory(folder / "t10k-labels-idx1-ubyte.gz");
  CHECK(message(folder) ==
        (folder / "t10k-labels-idx1-ubyte.gz") + ": found a folder, expected a file");
}

TEST_CASE("mnist: a file that does not hold what its head announces is refused") {
  TempDir folder;
  write_mnist(folder);
  const std::string path = folder / "train-images-idx3-ubyte";
  const auto with = [&](const Bytes& bytes) {
    write_bytes(path, bytes);
    return message(folder);
  };
  Bytes bytes = kPictures;
  bytes.pop_back();
  CHECK(with(bytes) == path + ": found no more than 59 bytes behind the head, which announces 60");
  bytes.resize(77);
  CHECK(with(bytes) == path + ": found more than 60 bytes behind the head, which announces 60");
  CHECK(with({}) == path + ": found 0 bytes, expected a head of 16 bytes");
  CHECK(with(Bytes(kPictures.begin(), kPictures.begin() + 15)) ==
        path + ": found 15 bytes, expected a head of 16 bytes");
  CHECK(with(Bytes(kPictures.begin(), kPictures.begin() + 16)) ==
        path + ": found no more than 0 bytes behind the head, which announces 60");
  CHECK(with(idx({60}, counting(60))) ==
        path + ": found the magic number 2049, expected 2051 (idx, bytes, rank 3)");
  CHECK(with(idx({0, 4, 5}, {})) ==
        path + ": found extent 0 of dimension 0, expected 1 to 4294967295");
  CHECK(with(idx({1, 4, 40000}, {})) ==
        path + ": found extent 40000 of dimension 2, expected 1 to 32767");
  CHECK(with(idx({1, 32767, 32767}, {})) ==
        path + ": found images of 32767x32767, expected at most 67108864 pixels");
  CHECK(with(idx({0xffffffff, 8192, 8192}, {})) ==
        path +
            ": found a head that announces 288230376084602880 bytes, expected at most 536870912, "
            "which is 8 of the largest images");
  CHECK(with(idx({2, 4, 5}, counting(40))) ==
        (folder / "train-labels-idx1-ubyte") + ": found 3 labels, expected 2 for as many images");
  CHECK(with(idx({3, 5, 4}, counting(60))) ==
        folder.path().string() + ": found test images of 4x5, expected 5x4 as in training");
  write_bytes(path, kPictures);
  write_bytes(folder / "t10k-labels-idx1-ubyte", idx({2}, {9, 10}));
  CHECK(message(folder) ==
        (folder / "t10k-labels-idx1-ubyte") + ": found label 10 of image 1, expected 0 to 9");
}

TEST_CASE("mnist: packed files that are cut, damaged, too long or too short are refused") {
  TempDir folder;
  write_mnist(folder);
  fs::remove(folder / "train-images-idx3-ubyte");
  const std::string path = folder / "train-images-idx3-ubyte.gz";
  const auto with = [&](const Bytes& bytes) {
    write_bytes(path, bytes);
    return message(folder);
  };
  const Bytes packed = gzip(kPictures);
  for (std::size_t cut = 0; cut < packed.size(); ++cut)
    CHECK(with(Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(cut))) ==
          path + ": found the end of the file after " + std::to_string(cut) +
              " bytes, expected more packed data");
  Bytes longer = packed;
  longer.insert(longer.end(), {1, 2, 3});
  CHECK(with(longer) == path + ": found 3 bytes behind the end of the packed data, expected none");
  Bytes damaged = packed;
  damaged[packed.size() - 6] ^= 1;  // in the checksum
  CHECK(with(damaged) == path + ": cannot unpack it: incorrect data check");
  CHECK(with(kPictures) == path + ": cannot unpack it: incorrect header check");  // not packed
  Bytes content = kPictures;
  content.push_back(0);
  CHECK(with(gzip(content)) ==
        path + ": found more than 60 unpacked bytes behind the head, which announces 60");
  content.resize(75);
  CHECK(with(gzip(content)) ==
        path + ": found 59 unpacked bytes behind the head, which announces 60");
  CHECK(with(packed) == "");
}

TEST_CASE("gunzip: any limit gives the beginning, files in a row are one") {
  const Bytes content = counting(300000), packed = gzip(content);
  for (const std::size_t limit : {0, 1, 16, 65536, 65537, 299999, 300000, 300001, 1 << 20}) {
    const Bytes found = unpacked(packed, limit);
    REQUIRE(found.size() == std::min(limit, content.size()));
    CHECK(std::equal(found.begin(), found.end(), content.begin()));
  }
  Bytes both = gzip(counting(1000)), second = gzip(counting(10));
  both.insert(both.end(), second.begin(), second.end());
  const Bytes found = unpacked(both, 5000);
  REQUIRE(found.size() == 1010);
  CHECK(found[1009] == 63);
}

TEST_CASE(
    "mnist: what a head announces is refused beyond the limit, and beyond what can be there") {
  TempDir folder;
  write_mnist(folder);
  CHECK(error_of([&] { mnist(folder.path().string(), 19); }) ==
        (folder / "train-images-idx3-ubyte") + ": found images of 4x5, expected at most 19 pixels");
  CHECK(error_of([&] { mnist(folder.path().string(), 20); }) == "");
  fs::remove(folder / "train-images-idx3-ubyte");
  const std::string path = folder / "train-images-idx3-ubyte.gz";
  const Bytes packed = gzip(idx({500, 1000, 1000}, counting(1000)));
  write_bytes(path, packed);
  // The labels decide before any image is unpacked.
  CHECK(contains(message(folder), ", expected 500 for as many images"));
  const std::string labels = folder / "train-labels-idx1-ubyte";
  write_bytes(labels, idx({500}, Bytes(500)));
  CHECK(contains(message(folder), path + ": found no more than "));
  CHECK(contains(message(folder), " unpacked bytes behind the head, which announces 500000000"));
  write_bytes(path, gzip(idx({40, 1000, 1000}, Bytes(1'000'000))));  // it could hold that much
  CHECK(contains(error_of([&] { mnist(folder.path().string(), 1'000'000); }),
                 ": found a head that announces 40000000 bytes, expected at most 8000000"));
}

TEST_CASE("gunzip: a small file that unpacks to a huge one stops at the limit") {
  const Bytes packed = gzip(Bytes(4'000'000));
  CHECK(packed.size() < 8000);
  CHECK(unpacked(packed, 1000).size() == 1000);
}

TEST_CASE("gunzip: damaged bytes are an error or leave the content as it is") {
  const Bytes content = counting(500), packed = gzip(content);
  for (std::size_t i = 0; i < packed.size(); ++i)
    for (const int bit : {1, 128}) {
      Bytes damaged = packed;
      damaged[i] ^= static_cast<std::uint8_t>(bit);
      Bytes found = content;
      const std::string error = error_of([&] { found = unpacked(damaged, 1 << 20); });
      CHECK((found == content || !error.empty()));
    }
}
