// The command line: eval, inspect, predict, and every way of using it wrongly.
#include "layers/layers.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A trained network and its data, made once for all tests here.
struct Trained {
  TempDir folder;
  std::string data = folder / "data", model = folder / "m.safetensors";
  Trained() {
    write_small_data(data);
    const Outcome run =
        run_program("train --epochs 1 --batch 32 --lr 0.02 --data " + data + " --out " + model);
    REQUIRE_MESSAGE(run.status == 0, run.err);
  }
};

const Trained& trained() {
  static const Trained once;
  return once;
}

}  // namespace

TEST_CASE("command line: eval and inspect agree, and show what the contract asks for") {
  const Trained& t = trained();
  const Outcome eval = run_program("eval " + t.model + " --json --data " + t.data);
  REQUIRE_MESSAGE(eval.status == 0, eval.err);
  const Outcome inspect = run_program("inspect " + t.model + " --json");
  REQUIRE_MESSAGE(inspect.status == 0, inspect.err);
  const Json a = eval.json(), b = inspect.json();
  CHECK(a["images"] == 40);
  CHECK(a["parameters"] == 2122186);
  for (const char* key : {"parameters", "nonzero", "macs", "bytes"}) CHECK(a[key] == b[key]);
  REQUIRE(b["layers"].is_array());
  CHECK(b["layers"][0]["name"] == "conv1");
  CHECK(b["layers"][0]["macs"] == 3 * 9 * 32 * 32 * 32);

  const Outcome words = run_program("inspect " + t.model);
  CHECK(words.out.find("conv2") != words.out.npos);
}

TEST_CASE("command line: predict reads a picture of any size") {
  const Trained& t = trained();
  const TempDir folder;
  const std::string picture = folder / "a.png";
  datasets::write_picture(picture, std::vector<std::uint8_t>(3 * 40 * 70, 200), 3, 40, 70);
  const Outcome run = run_program("predict " + t.model + " " + picture + " --json");
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json one = run.json()["predictions"][0];
  CHECK(one["image"] == picture);
  REQUIRE(one["classes"].size() == 5);
  double before = 1;
  for (const Json& guess : one["classes"]) {
    CHECK(guess["probability"] <= before);
    before = guess["probability"];
  }
  expect_error("predict " + t.model + " " + t.model, 1, t.model);
  expect_error("predict " + t.model + " " + (folder / "none.png"), 1, "none.png");
}

TEST_CASE("command line: without data a generated set is used, and said so") {
  const Outcome run = run_program("eval " + trained().model + " --json");
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.err.find("generated") != run.err.npos);
  CHECK(run.json()["images"] > 100);
}

TEST_CASE("command line: the data may be named by the environment") {
  const Trained& t = trained();
  const Outcome run = run_program("eval " + t.model + " --json", "ESPALIER_DATA=" + t.data);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.json()["images"] == 40);
}

TEST_CASE("command line: wrong use is one sentence and exit status 2") {
  const std::string out = " --data " + trained().data + " --out " + (trained().folder / "x.st");
  expect_error("train --resume", 2, "--resume");
  expect_error("trian" + out, 2, "trian");
  expect_error("train --epoch 3" + out, 2, "--epoch");
  expect_error("train", 2, "--out");
  expect_error("train --epochs 0" + out, 2, "--epochs: found 0, expected 1 to");
  expect_error("train --epochs many" + out, 2, "many");
  expect_error("train --lr -1" + out, 2, "--lr: found -1, expected");
  expect_error("train --lr nan" + out, 2, "--lr: found nan, expected");
  expect_error("train --lr inf" + out, 2, "--lr");
  expect_error("train --batch 0" + out, 2, "--batch: found 0, expected");
  expect_error("train --momentum 1" + out, 2, "--momentum");
  expect_error("train --optimizer lion" + out, 2, "--optimizer: found 'lion', expected sgd");
  expect_error("train --schedule sawtooth" + out, 2,
               "--schedule: found 'sawtooth', expected constant");
  expect_error("train --seed -1" + out, 2, "--seed");
  expect_error("crossover --linear 8192,8192", 2,
               "expected features in, features out, each 1 to 4096");
  expect_error("train --epochs 'a\n\033[31mb'" + out, 2, "--epochs");
  for (const std::string help : {"--help", "train --help"}) {
    CHECK(run_program(help).status == 0);
    const Outcome full = run_command("exec " + program_path() + " " + help + " >/dev/full");
    CHECK(full.status == 1);
    CHECK(full.err.find("standard output: cannot be written") != full.err.npos);
  }
  CHECK(run_program("train --help").out.find("Example") != std::string::npos);
}

TEST_CASE("command line: what is not there or broken is one sentence and exit status 1") {
  const Trained& t = trained();
  const TempDir folder;
  const std::string out = " --data " + t.data + " --out " + (folder / "x.st");
  expect_error("train --model alexnet" + out, 2, "alexnet");
  expect_error("train --data " + (folder / "none") + " --out " + (folder / "x.st"), 1, "none");
  expect_error("train --data " + t.data + " --out " + (folder / "no/x.st"), 1, "no/x.st");
  expect_error("train --resume " + (folder / "none.st") + out, 1, "none.st");
  expect_error("train --resume " + t.model + out, 1, "finished");
  expect_error("eval " + (folder / "none.st"), 1, "none.st");
  expect_error("inspect " + t.data, 1, t.data);

  std::ofstream(folder / "cut.st", std::ios::binary) << content(t.model).substr(0, 5000);
  expect_error("inspect " + (folder / "cut.st"), 1, "cut.st");

  std::filesystem::copy(t.data, folder / "bad");
  std::filesystem::resize_file(folder / "bad/test_batch.bin", 3073 * 40 - 1);
  expect_error("eval " + t.model + " --data " + (folder / "bad"), 1, "test_batch.bin");
  CHECK(!std::filesystem::exists(folder / "x.st"));
}

TEST_CASE("command line: data that the network was not made for is refused") {
  const TempDir folder;
  const std::string file = folder / "five.safetensors";
  layers::save(layers::ConvNet(5), file);
  expect_error("eval " + file + " --data " + trained().data, 1, "5 classes");
  // Sizes are compared where there is no data, too.
  const std::string sizes[] = {"--image-size 16", "--channels 1"};
  for (const std::string& size : sizes)
    for (const std::string command : {"inspect", "bench", "report", "predict"})
      expect_error(command + " " + file + (command == "predict" ? " x.png " : " ") + size, 2,
                   "as the network takes them");
  expect_error("compact " + file + " --image-size 16 --out " + (folder / "x"), 2,
               "--image-size: found 16, expected 32 as the network takes them");
}

TEST_CASE("command line: weights from elsewhere load under a built-in model's name") {
  const Trained& t = trained();
  const Outcome run = run_program("eval --model convnet " + t.model + " --json --data " + t.data);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.json()["accuracy"] ==
        run_program("eval " + t.model + " --json --data " + t.data).json()["accuracy"]);
}

}  // namespace espalier::testing
