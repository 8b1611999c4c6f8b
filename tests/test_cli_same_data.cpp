// The command line: a training is resumed on the data that it began with.
#include "layers/layers.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

using datasets::ShapesOptions;

// Takes the record of the data out of a checkpoint, as older versions wrote it.
void make_old(const std::string& file) {
  layers::ModelFile old = layers::load_file(file);
  Json training = Json::parse(old.metadata.at("espalier.training"));
  REQUIRE(training.erase("data") == 1);
  old.metadata["espalier.training"] = training.dump();
  layers::save(old.model, file, {.states = true, .tensors = old.tensors, .metadata = old.metadata});
}

}  // namespace

TEST_CASE("command line: a training that an epoch ended is not resumed on other data") {
  const TempDir folder;
  const std::string data = folder / "data", file = folder / "m.safetensors";
  write_small_data(data);
  const std::string train = "train --model lenet5 --batch 20 --data ",
                    out = " --out " + (folder / "n.safetensors"), resume = "train --resume " + file;
  REQUIRE(run_program(train + data + " --epochs 3 --stop-after 1 --out " + file).status == 0);
  const std::string before = content(file);
  const struct {
    ShapesOptions data;
    const char* words;
  } others[] = {
      {{.train = 60, .test = 40}, "found 60 images to train on, expected 80 as where its training"},
      {{.train = 79, .test = 40}, "found 79 images to train on, expected 80"},  // as many steps
      {{.train = 80, .test = 30}, "found 30 images to test on, expected 40"},
      {{.train = 80, .test = 40, .seed = 1}, "found images or labels of hash "},
  };
  for (const auto& other : others) {
    const std::string name = folder / "other";
    std::filesystem::remove_all(name);
    datasets::write_shapes(name, other.data);
    expect_error(resume + " --data " + name + out, 1, other.words);
  }
  CHECK(content(file) == before);
  // Without the record, the number of steps is compared, and the same data is fine.
  make_old(file);
  datasets::write_shapes(folder / "small", {.train = 60, .test = 40});
  expect_error(resume + " --data " + (folder / "small") + out, 1,
               "training: found 4 steps in 1 epochs and 0 steps, expected 3 steps an epoch");
  const Outcome run =
      run_program(resume + " --stop-after 2 --data " + data + " --out " + (folder / "o"));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  // From then on there is a record.
  expect_error("train --resume " + (folder / "o") + " --data " + (folder / "small") + out, 1,
               "found 60 images to train on, expected 80");
}

TEST_CASE("command line: another number of threads than before is said") {
  const TempDir folder;
  const std::string data = " --data " + (folder / "data"), file = folder / "m.safetensors",
                    out = " --out " + (folder / "n.safetensors");
  write_small_data(folder / "data");
  REQUIRE(run_program("train --model lenet5 --batch 20 --epochs 2 --stop-after 1 --threads 2" +
                      data + " --out " + file)
              .status == 0);
  const auto said = [&](const std::string& threads) {
    const Outcome run =
        run_program("train --threads " + threads + " --resume " + file + data + out);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    return run.err.find("note: " + file + " was trained with --threads 2; with " + threads) !=
           run.err.npos;
  };
  CHECK(said("1"));
  CHECK_FALSE(said("2"));
}

TEST_CASE("fingerprint: every part of the data counts") {
  using namespace datasets;
  const Data data = shapes({.train = 300, .test = 10});
  const Fingerprint same = fingerprint(data);
  CHECK(difference(fingerprint(shapes({.train = 300, .test = 10})), same).empty());
  Data other = data;
  other.train.labels[299] = (other.train.labels[299] + 1) % 10;
  CHECK(fingerprint(other).hash != same.hash);
  other = data;
  other.train.images[0] ^= 1;
  CHECK(difference(fingerprint(other), same).starts_with("found images or labels of hash "));
  other = data;
  other.test.images.back() ^= 1;
  CHECK(fingerprint(other).hash != same.hash);
  other = data;
  other.train.classes.push_back("more");
  CHECK(difference(fingerprint(other), same) == "found 11 classes, expected 10");
  other = data;
  other.train.height = 16;
  other.train.width = 64;
  CHECK(difference(fingerprint(other), same) ==
        "found images of [3, 16, 64], expected [3, 32, 32]");
}

}  // namespace espalier::testing
