// The command line: class folders of any size, and what of a folder is not read.
#include <filesystem>

#include "layers/layers.h"
#include "tests/cli.h"
#include "tests/image_files.h"

namespace espalier::testing {
namespace {

namespace fs = std::filesystem;

// Class folders of two kinds of noise.
void write_class_folders(const std::string& folder) {
  Rng rng(1);
  for (const std::string name : {"/dark/", "/light/"})
    for (int i = 0; i < 15; ++i) {
      Bytes pixels(3 * 20 * 20);
      for (auto& byte : pixels)
        byte = static_cast<std::uint8_t>(rng.below(100) + (name == "/light/" ? 150 : 0));
      fs::create_directories(folder + name);
      datasets::write_picture(folder + name + std::to_string(i) + ".png", pixels, 3, 20, 20);
    }
}

struct Folders {
  TempDir folder;
  std::string data = folder / "data", file = folder / "m.safetensors";
  Folders() { write_class_folders(data); }
  std::string with_data() const { return " --data " + data + " "; }
};

Shape input_of(const std::string& file) { return layers::load(file).input_shape(); }

Outcome run_well(const std::string& arguments) {
  const Outcome run = run_program(arguments);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  return run;
}

}  // namespace

TEST_CASE("command line: --image-size makes a network for it, which says how data is read") {
  const Folders f;
  run_well("train --model lenet5 --epochs 1 --batch 8 --image-size 64" + f.with_data() + "--out " +
           f.file);
  CHECK(input_of(f.file) == Shape{3, 64, 64});
  run_well("eval " + f.file + f.with_data());
  run_well("eval " + f.file + f.with_data() + "--image-size 64 --channels 3");
  run_well("sensitivity " + f.file + f.with_data() + "--sparsities 0.5 --share 0.5");
  const std::string pruned = f.folder / "p.safetensors", small = f.folder / "s.safetensors";
  run_well("prune " + f.file + f.with_data() +
           "--structure filter --sparsity 0.5 --epochs 1 --batch 8 --no-report --out " + pruned);
  run_well("compact " + pruned + f.with_data() + "--out " + small);
  CHECK(input_of(small) == Shape{3, 64, 64});
  run_well("report " + f.file + " " + small + f.with_data() + "--no-bench");
  const Outcome found = run_well("predict " + small + " " + f.data + "/light/1.png --json");
  CHECK(found.json()["predictions"].size() == 1);
  expect_error("eval " + f.file + f.with_data() + "--image-size 32", 2,
               "--image-size: found 32, expected 64 as the network takes them");
}

TEST_CASE("command line: --channels 1 is grey, in training that goes on too") {
  const Folders f;
  run_well(
      "train --model lenet300 --epochs 2 --batch 8 --image-size 12 --channels 1 --stop-after 1" +
      f.with_data() + "--out " + f.file);
  CHECK(input_of(f.file) == Shape{1, 12, 12});
  expect_error("train --resume " + f.file + f.with_data() + "--channels 3 --out " + f.file, 2,
               "--channels: found 3, expected 1 as the network takes them");
  run_well("train --resume " + f.file + f.with_data() + "--out " + f.file);
  const Outcome run = run_well("eval " + f.file + f.with_data() + "--json");
  CHECK(run.json()["images"] == 6);
}

TEST_CASE("command line: a network of flat inputs reads class folders as square images") {
  const Folders f;
  for (const int channels : {1, 3}) {
    const layers::Model flat(layers::Sequential{{"fc", layers::Linear(channels * 100, 2)}},
                             {channels * 100}, 1);
    const datasets::Data data =
        datasets::open(f.data, {.height = 10, .width = 10, .channels = channels});
    layers::save(flat, f.file, {.metadata = datasets::metadata(datasets::input_info(data))});
    run_well("eval " + f.file + f.with_data());
  }
}

TEST_CASE("command line: sizes that make no sense, and data that has its own, are refused") {
  const Folders f;
  const std::string train = "train --model lenet5 --epochs 1 --out " + f.file;
  expect_error(train + f.with_data() + "--image-size 0", 2,
               "--image-size: found 0, expected 1 to 4096");
  expect_error(train + f.with_data() + "--image-size 5000", 2, "--image-size: found 5000");
  expect_error(train + f.with_data() + "--image-size 8", 1, "lenet5");
  expect_error(train + f.with_data() + "--channels 2", 2, "--channels: found '2'");
  expect_error(train + f.with_data() + "--max-image-pixels 0", 2, "--max-image-pixels: found 0");
  expect_error(train + f.with_data() + "--max-image-pixels 300", 1,
               "found an image of 20x20, expected at most 300 pixels");
  expect_error("predict " + f.file + " x.png --max-image-pixels 0", 2,
               "--max-image-pixels: found 0");
  const std::string cifar = f.folder / "cifar";
  write_small_data(cifar);
  expect_error(train + " --data " + cifar + " --image-size 64", 2,
               "--image-size: found 64, expected 32 as the images of ");
  expect_error(train + " --data " + cifar + " --channels 1", 2, "--channels: found 1, expected 3");
  expect_error(train + " --image-size 64", 2,
               "--image-size: found 64, expected 32 as the images of");
  CHECK_FALSE(fs::exists(f.file));
}

TEST_CASE("command line: a line says what was skipped, and predict which package is missing") {
  const Folders f;
  write_bytes(f.data + "/dark/notes.txt", {1});
  const Outcome run =
      run_well("train --model lenet5 --epochs 1 --batch 8" + f.with_data() + "--out " + f.file);
  CHECK(run.err.find("\ndata: 1 file skipped: 1 .txt\n") != run.err.npos);
  const std::string photo = f.folder / "photo.webp";
  write_bytes(photo, webp());
  if (datasets::missing_package(photo).empty())
    run_well("predict " + f.file + " " + photo);
  else
    expect_error("predict " + f.file + " " + photo, 1,
                 photo + ": found a WebP image, expected JPEG, PNG, BMP, GIF, PSD, PNM");
}

TEST_CASE("command line: predict refuses images larger than --max-image-pixels") {
  const Folders f;
  layers::save(layers::LeNet5(2, 0, {3, 32, 32}), f.file,
               {.metadata = datasets::metadata({"d", {{0, 0, 0}, {1, 1, 1}}, {"a", "b"}})});
  const std::string predict =
      "predict " + f.file + " " + f.data + "/dark/1.png --max-image-pixels ";
  run_well(predict + "400");
  expect_error(predict + "399", 1, "found an image of 20x20, expected at most 399 pixels");
}

}  // namespace espalier::testing
