// open() finds out what a folder holds.
#include <filesystem>

#include "datasets/open.h"
#include "datasets/picture.h"
#include "tests/test_datasets.h"

using namespace espalier;
using namespace espalier::testing;
namespace fs = std::filesystem;

namespace {

std::string message(const std::string& folder) {
  return error_of([&] { datasets::open(folder); });
}

datasets::Data small_data() {
  return {.name = "x", .train = random_set(6, 3, 32, 32), .test = random_set(2, 3, 32, 32)};
}

void write_cifar100(const std::string& folder) {
  fs::create_directories(folder);
  const std::vector<std::uint8_t> record(3074, 7);
  write_bytes(folder + "/train.bin", record);
  write_bytes(folder + "/test.bin", record);
}

}  // namespace

TEST_CASE("open: CIFAR-10's files, in the folder or in the archive's folder within") {
  TempDir folder;
  const datasets::Data data = small_data();
  datasets::write_cifar10(folder / "cifar-10-batches-bin", data);
  CHECK(equal(datasets::open(folder / "cifar-10-batches-bin").train, data.train));
  CHECK(equal(datasets::open(folder.path().string()).test, data.test));
  // One of the files is enough to know what is missing.
  fs::remove(folder / "cifar-10-batches-bin/data_batch_1.bin");
  CHECK(contains(message(folder.path().string()), "data_batch_1.bin: cannot open it"));
}

TEST_CASE("open: CIFAR-100's files, in the folder or in the archive's folder within") {
  TempDir folder;
  write_cifar100(folder / "cifar-100-binary");
  CHECK(datasets::open(folder / "cifar-100-binary").name == "CIFAR-100");
  CHECK(datasets::open(folder.path().string()).train.labels == std::vector<std::int32_t>{7});
  datasets::write_cifar10(folder / "cifar-10-batches-bin", small_data());
  CHECK(message(folder.path().string()) ==
        folder.path().string() +
            ": found both cifar-10-batches-bin and cifar-100-binary, "
            "expected the name of one of them");
}

TEST_CASE("open: MNIST's files") {
  TempDir folder;
  write_file(folder / "t10k-labels.idx1-ubyte.gz", "");
  CHECK(contains(message(folder.path().string()), "found no train-images-idx3-ubyte"));
}

TEST_CASE("open: class folders, with their options") {
  TempDir folder;
  for (const std::string name : {"cat", "train"}) {  // that one is not the training set
    fs::create_directory(folder / name);
    for (int i = 0; i < 5; ++i)
      datasets::write_picture(folder / name + "/" + std::to_string(i) + ".png",
                              std::vector<std::uint8_t>(12, 9), 3, 2, 2);
  }
  const datasets::Data data =
      datasets::open(folder.path().string(), {.height = 8, .width = 8, .channels = 1});
  CHECK(data.train.width == 8);
  CHECK(data.train.channels == 1);
  CHECK(data.train.classes == std::vector<std::string>{"cat", "train"});
}

TEST_CASE("open: a folder with none of these is an error that lists what was looked for") {
  TempDir folder;
  fs::create_directory(folder / "other");
  write_file(folder / "other/file", "x");
  const std::string found = message(folder.path().string());
  for (const char* part : {"found no data", "data_batch_1.bin", "train.bin",
                           "train-images-idx3-ubyte", "folders of images"})
    CHECK(contains(found, part));
  CHECK(message(folder / "none") ==
        (folder / "none") + ": found nothing of that name, expected a folder with data");
  CHECK(message(folder / "other/file") ==
        (folder / "other/file") + ": found a file, expected a folder with data");
}
