// CIFAR's binary files: what is read, what is refused, and what write_cifar10() leaves behind.
#include <filesystem>

#include "datasets/open.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::testing;
namespace fs = std::filesystem;

namespace {

// Records of the given labels; byte p of record i is 31 i + p.
std::vector<std::uint8_t> records(const std::vector<int>& labels, int label_bytes = 1) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (label_bytes == 2) bytes.push_back(static_cast<std::uint8_t>(labels[i] / 5));
    bytes.push_back(static_cast<std::uint8_t>(labels[i]));
    for (std::size_t p = 0; p < 3072; ++p) bytes.push_back(static_cast<std::uint8_t>(31 * i + p));
  }
  return bytes;
}

void write_cifar_files(const TempDir& folder) {
  write_bytes(folder / "data_batch_1.bin", records({3, 9, 0}));
  write_bytes(folder / "data_batch_2.bin", records({7}));
  write_bytes(folder / "test_batch.bin", records({1, 2}));
}

std::string message(const TempDir& folder) {
  return error_of([&] { cifar10(folder.path().string()); });
}

}  // namespace

TEST_CASE("cifar10: labels and planes as they are in the files, file after file") {
  TempDir folder;
  write_cifar_files(folder);
  const Data data = cifar10(folder.path().string() + "/");
  CHECK(data.name == "CIFAR-10");
  CHECK(data.train.channels == 3);
  CHECK(data.train.height == 32);
  CHECK(data.train.width == 32);
  CHECK(data.train.labels == std::vector<std::int32_t>{3, 9, 0, 7});
  CHECK(data.test.labels == std::vector<std::int32_t>{1, 2});
  check_dataset(data.train, "train");
  check_dataset(data.test, "test");
  CHECK(data.train.picture(2)[0] == 62);
  CHECK(data.train.picture(2)[1025] == static_cast<std::uint8_t>(62 + 1025));
  CHECK(data.train.picture(3)[3071] == 255);
  CHECK(data.test.picture(1)[5] == 36);
  REQUIRE(data.train.classes.size() == 10);
  CHECK(data.train.classes[3] == "cat");
  CHECK(data.test.classes == data.train.classes);
}

TEST_CASE("cifar10: batches.meta.txt names the classes, however many") {
  TempDir folder;
  write_cifar_files(folder);
  std::string names;
  for (int i = 0; i < 12; ++i) names += "kind " + std::to_string(i) + "\r\n";
  write_file(folder / "batches.meta.txt", names + "\n\n");
  write_bytes(folder / "data_batch_2.bin", records({11}));
  const Data data = cifar10(folder.path().string());
  CHECK(data.train.classes.size() == 12);
  CHECK(data.train.classes[11] == "kind 11");
  CHECK(data.train.labels.back() == 11);
  CHECK(data.name == folder.path().filename().string());  // not the official classes
}

TEST_CASE("cifar10: names that are none are refused") {
  TempDir folder;
  write_cifar_files(folder);
  const std::string path = folder / "batches.meta.txt";
  write_file(path, "\n\n");
  CHECK(message(folder) == path + ": found no names of classes, expected one a line");
  write_file(path, "a\n\nb\n");
  CHECK(message(folder) == path + ": found line 2 empty, expected the name of a class");
  std::string many;
  for (int i = 0; i < 257; ++i) many += "x\n";
  write_file(path, many);
  CHECK(message(folder) == path + ": found 257 names of classes, expected at most 256");
  // Names that do not reach the labels show as a label that is too large.
  write_file(path, "a\nb\nc\nd\n");
  CHECK(message(folder) ==
        (folder / "data_batch_1.bin") + ": found label 9 in record 1, expected 0 to 3");
}

TEST_CASE("cifar10: a file of a byte too few or too many, or empty, is refused") {
  TempDir folder;
  write_cifar_files(folder);
  const std::string path = folder / "data_batch_2.bin";
  auto bytes = records({1, 2});
  bytes.pop_back();
  write_bytes(path, bytes);
  CHECK(message(folder) == path +
                               ": found 6145 bytes, which is 1 records and 3072 bytes, expected "
                               "one or more whole records of 3073 bytes");
  bytes.resize(6147);
  write_bytes(path, bytes);
  CHECK(contains(message(folder), "found 6147 bytes, which is 2 records and 1 bytes"));
  write_bytes(path, {});
  CHECK(contains(message(folder), path + ": found 0 bytes"));
}

TEST_CASE("cifar10: labels out of range are refused with their record") {
  TempDir folder;
  write_cifar_files(folder);
  write_bytes(folder / "test_batch.bin", records({9, 10}));
  CHECK(message(folder) ==
        (folder / "test_batch.bin") + ": found label 10 in record 1, expected 0 to 9");
  write_bytes(folder / "test_batch.bin", records({255}));
  CHECK(contains(message(folder), "found label 255 in record 0"));
}

TEST_CASE("cifar10: missing and unreadable files are errors that name them") {
  TempDir folder;
  CHECK(message(folder) ==
        (folder / "data_batch_1.bin") + ": cannot open it: No such file or directory");
  write_cifar_files(folder);
  fs::remove(folder / "test_batch.bin");
  CHECK(message(folder) ==
        (folder / "test_batch.bin") + ": cannot open it: No such file or directory");
  fs::create_directory(folder / "test_batch.bin");
  CHECK(message(folder) == (folder / "test_batch.bin") + ": found a folder, expected a file");
  // A name that leads nowhere is not the same as no file of that name.
  fs::create_symlink("nowhere", folder / "data_batch_3.bin");
  CHECK(contains(message(folder), "data_batch_3.bin: cannot open it"));
}

TEST_CASE("cifar10: a file that nobody may read is an error") {
  TempDir folder;
  write_cifar_files(folder);
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(folder / "data_batch_2.bin", fs::perms::none);
  std::string found;
  {
    const Unprivileged user;
    if (!user.works()) return;
    found = message(folder);
  }
  CHECK(found == (folder / "data_batch_2.bin") + ": cannot open it: Permission denied");
}

TEST_CASE("cifar10: a number left out is an error") {
  TempDir folder;
  write_cifar_files(folder);
  write_bytes(folder / "data_batch_4.bin", records({7}));
  CHECK(message(folder) == folder.path().string() +
                               ": found data_batch_4.bin but no data_batch_3.bin, expected no "
                               "number left out");
}

TEST_CASE("cifar100: the fine label counts, the coarse one is checked too") {
  TempDir folder;
  write_bytes(folder / "train.bin", records({3, 99}, 2));
  write_bytes(folder / "test.bin", records({50}, 2));
  Data data = cifar100(folder.path().string());
  CHECK(data.name == "CIFAR-100");
  CHECK(data.train.labels == std::vector<std::int32_t>{3, 99});
  CHECK(data.train.picture(1)[2] == 33);
  CHECK(data.test.size() == 1);
  CHECK(data.train.classes.size() == 100);
  CHECK(data.train.classes[42] == "42");
  std::string names;
  for (int i = 0; i < 100; ++i) names += "kind " + std::to_string(i) + "\n";
  write_file(folder / "fine_label_names.txt", names);
  CHECK(cifar100(folder.path().string()).test.classes[42] == "kind 42");

  const auto message = [&] { return error_of([&] { cifar100(folder.path().string()); }); };
  write_file(folder / "fine_label_names.txt", names + "one more\n");
  CHECK(contains(message(), "found 101 names of classes, expected 100"));
  write_file(folder / "fine_label_names.txt", names);
  auto bytes = records({1, 2}, 2);
  bytes[3074] = 20;
  write_bytes(folder / "train.bin", bytes);
  CHECK(message() ==
        (folder / "train.bin") + ": found coarse label 20 in record 1, expected 0 to 19");
  bytes[3074] = 19, bytes[3075] = 100;
  write_bytes(folder / "train.bin", bytes);
  CHECK(contains(message(), "found fine label 100 in record 1, expected 0 to 99"));
  bytes[3075] = 99, bytes.push_back(0);
  write_bytes(folder / "train.bin", bytes);
  CHECK(contains(message(), "found 6149 bytes, which is 2 records and 1 bytes"));
}

TEST_CASE("write_cifar10: what was written is read back, and appears at once") {
  TempDir folder;
  Data data = {
      .name = "x", .train = random_set(13, 3, 32, 32, 7), .test = random_set(4, 3, 32, 32, 7)};
  const std::string target = folder / "made";
  write_cifar10(target + "/", data);
  const Data read = cifar10(target);
  CHECK(equal(read.train, data.train));
  CHECK(equal(read.test, data.test));
  CHECK(read.name == "made");
  CHECK(fs::exists(target + "/data_batch_5.bin"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);

  fs::create_directory(folder / "empty");
  write_cifar10(folder / "empty", data);
  CHECK(equal(cifar10(folder / "empty").train, data.train));
}

TEST_CASE("write_cifar10: what is there stays, and failures leave nothing behind") {
  TempDir folder;
  Data data = {.name = "x", .train = random_set(5, 3, 32, 32), .test = random_set(1, 3, 32, 32)};
  const auto message = [&](const std::string& target) {
    return error_of([&] { write_cifar10(target, data); });
  };
  write_file(folder / "file", "x");
  CHECK(message(folder / "file") ==
        (folder / "file") + ": found a file, expected nothing of that name or an empty folder");
  CHECK(contains(message(folder.path().string()), "found a folder with something in it"));
  CHECK(message(folder / "none/made") ==
        (folder / "none/made") + ": cannot create it: No such file or directory");
  CHECK(contains(message(""), "found an empty name"));
  data.train.classes[4] = "two\nlines";
  data.test.classes[4] = "two\nlines";
  CHECK(contains(message(folder / "made"), "write_cifar10: found the class name"));
  data.test.classes[4] = "another";
  CHECK(contains(message(folder / "made"), "found other classes in the test set"));
  data.test = random_set(1, 3, 32, 31);
  CHECK(contains(message(folder / "made"), "found pictures of 3x32x31, expected 3x32x32"));
  data.train = random_set(4, 3, 32, 32);
  CHECK(contains(message(folder / "made"), "write_cifar10: found"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}
