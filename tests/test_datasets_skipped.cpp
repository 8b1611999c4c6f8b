// What is in a folder of data and not read is counted; images in folders within a class are read.
#include <filesystem>

#include "datasets/datasets.h"
#include "tests/image_files.h"

namespace espalier::testing {
namespace {

namespace fs = std::filesystem;

void write_grey(const std::string& path, int grey = 7) {
  fs::create_directories(fs::path(path).parent_path());
  write_bytes(path, png(1, 1, 8, 0, {0, static_cast<std::uint8_t>(grey)}));
}

// FOLDER/a and FOLDER/b with five images each.
void write_classes(const TempDir& folder) {
  for (const std::string name : {"a/", "b/"})
    for (int i = 0; i < 5; ++i) write_grey(folder / name + std::to_string(i) + ".png");
}

std::string skipped(const TempDir& folder) {
  return datasets::skipped_text(datasets::open(folder.path().string()).skipped);
}

}  // namespace

TEST_CASE("skipped: files beside the images of class folders, and why") {
  TempDir folder;
  write_classes(folder);
  CHECK(skipped(folder) == "");
  write_bytes(folder / "a/notes.txt", {1});
  CHECK(skipped(folder) == "1 file skipped: 1 .txt");
  write_bytes(folder / "b/more.TXT", {1});
  write_bytes(folder / "b/x.heic", {1});
  write_bytes(folder / "b/x", {1});
  write_bytes(folder / "list.csv", {1});
  write_grey(folder / "loose.png");
  write_grey(folder / "__MACOSX/a/._1.png");
  write_bytes(folder / "a/.hidden.png", {1});
  fs::create_directories(folder / ".git/objects");
  write_bytes(folder / ".git/head", {1});
  write_bytes(folder / ".git/objects/1", {1});
  CHECK(skipped(folder) ==
        "10 files skipped: 2 .txt, 2 in .git/, 1 .csv, 1 .heic, 1 hidden, 1 in __MACOSX/, "
        "1 outside the class folders, 1 without an ending");
}

TEST_CASE("skipped: images in a format whose package was missing") {
  TempDir folder;
  write_classes(folder);
  write_bytes(folder / "a/x.webp", webp());
  const datasets::Data data = datasets::open(folder.path().string());
  if (datasets::missing_package("x.webp").empty()) {
    CHECK(data.train.size() + data.test.size() == 11);
    CHECK(data.skipped.empty());
  } else {
    CHECK(datasets::skipped_text(data.skipped) ==
          "1 file skipped: 1 .webp (to read them, install libwebp-dev and build Espalier again)");
    // A class of nothing else says why it is empty.
    TempDir other;
    for (const char* name : {"c", "d"}) {
      fs::create_directory(other / name);
      write_bytes(other / name + "/x.webp", webp());
    }
    CHECK(error_of([&] { datasets::open(other.path().string()); }) ==
          (other / "c") +
              ": found no images (1 file skipped: 1 .webp (to read them, install libwebp-dev and "
              "build Espalier again)), expected some for this class");
  }
}

TEST_CASE("skipped: folders beside train and test, and files beside those of other data sets") {
  TempDir folder;
  for (const std::string part : {"train", "test", "val"})
    for (const std::string name : {"/a/", "/b/"}) write_grey(folder / part + name + "1.png");
  write_bytes(folder / "train/list.csv", {1});
  CHECK(skipped(folder) == "3 files skipped: 2 in val/, 1 .csv");

  TempDir cifar;
  const std::string ten = cifar / "cifar-10-batches-bin";
  datasets::write_cifar10(
      ten, {.name = "x", .train = random_set(6, 3, 32, 32), .test = random_set(2, 3, 32, 32)});
  write_bytes(ten + "/readme.html", {1});  // as in the archive
  CHECK(skipped(cifar) == "");
  fs::copy_file(ten + "/data_batch_5.bin", ten + "/data_batch_6.bin");
  write_grey(cifar / "a/1.png");
  CHECK(skipped(cifar) == "2 files skipped: 1 .bin, 1 in a/");

  TempDir mnist;
  const Bytes labels = {0, 0, 8, 1, 0, 0, 0, 1, 3};
  const Bytes images = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9};
  for (const std::string set : {"train", "t10k"}) {
    write_bytes(mnist / set + "-labels-idx1-ubyte", labels);
    write_bytes(mnist / set + "-images-idx3-ubyte", images);
  }
  CHECK(skipped(mnist) == "");
  write_bytes(mnist / "train-images-idx3-ubyte.gz", {1});  // not looked into, as there is the other
  CHECK(skipped(mnist) == "1 file skipped: 1 .gz");
}

TEST_CASE("image_folder: images of any name that is read, in folders within a class too") {
  TempDir folder;
  write_classes(folder);
  for (const char* name : {"a/z/1.JPG", "a/z/2.jfif", "a/z/deep/3.Jpeg", "a/z/deep/er/4.jpe"}) {
    fs::create_directories(fs::path(folder / name).parent_path());
    write_bytes(folder / name, jpeg());
  }
  write_grey(folder / "a/1/5.png", 99);  // between 1.png and 2.png
  const datasets::Data data = datasets::open(folder.path().string());
  CHECK(data.train.size() + data.test.size() == 15);
  CHECK(int{data.train.picture(2)[0]} == 99);
  CHECK(data.train.classes == std::vector<std::string>{"a", "b"});
  CHECK(data.skipped.empty());
}

TEST_CASE("image_folder: symbolic links are followed, and never twice to the same folder") {
  TempDir folder, elsewhere;
  write_classes(folder);
  write_grey(elsewhere / "far/6.png");
  fs::create_directory_symlink(elsewhere / "far", folder / "a/far");
  fs::create_directory_symlink(folder / "a", folder / "a/loop");
  fs::create_directory_symlink("..", folder / "a/up");  // the class b, from within a
  fs::create_directory_symlink(elsewhere.path(), elsewhere / "far/back");
  const datasets::Data data = datasets::open(folder.path().string());
  CHECK(data.train.size() + data.test.size() == 16);
}

}  // namespace espalier::testing
