// The command line: what belongs together is kept together, and an option is heard or refused.
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A training that was stopped half-way, on a small data set.
struct Half {
  TempDir folder;
  std::string data = folder / "data", file = folder / "half.safetensors";
  explicit Half(const std::string& options = "") {
    write_small_data(data);
    const Outcome run = run_program("train --model lenet5 --batch 20 --epochs 2 --stop-after 1 " +
                                    options + " --data " + data + " --out " + file);
    REQUIRE_MESSAGE(run.status == 0, run.err);
  }
  std::string resume(const std::string& options) const {
    return "train --resume " + file + " --data " + data + " --out " + file + " " + options;
  }
};

// The same pictures under other names.
std::string write_others(const TempDir& folder) {
  const std::string others = folder / "others";
  const std::vector<std::uint8_t> grey(3 * 32 * 32, 128);
  for (char name = 'a'; name < 'k'; ++name) {
    const std::string one = others + "/" + name;
    std::filesystem::create_directories(one);
    for (const char* picture : {"1.png", "2.png", "3.png", "4.png", "5.png"})
      datasets::write_picture(one + "/" + picture, grey, 3, 32, 32);
  }
  return others;
}

}  // namespace

TEST_CASE("command line: a network is not trained on to tell other classes") {
  const Half half;
  const std::string others = write_others(half.folder), before = content(half.file),
                    part = half.file +
                           ": found a network trained on data, whose class 0 is circle, "
                           "expected a as in others";
  expect_error("train --resume " + half.file + " --data " + others + " --out " + half.file, 1,
               part);
  CHECK(content(half.file) == before);
  REQUIRE(run_program(half.resume("")).status == 0);
  expect_error(
      "prune " + half.file + " --sparsity 0.5 --data " + others + " --out " + (half.folder / "p"),
      1, part);
}

TEST_CASE("command line: what only says again how a training goes on changes nothing") {
  for (const std::string options : {"--optimizer adam --lr 0.002", "--schedule cosine --warmup 0.1",
                                    "--momentum 0.9 --momentum-cycle 0.05"}) {
    CAPTURE(options);
    const Half half(options);
    const Outcome run = run_program(half.resume(options.substr(0, options.find(" --", 2))));
    CHECK_MESSAGE(run.status == 0, run.err);
  }
}

TEST_CASE("command line: what cannot be heard is refused") {
  const Half half;
  expect_error(half.resume("--model vgg16"), 2, "--model: found vgg16, expected none beside");
  expect_error(half.resume("--stop-after 1"), 2,
               "--stop-after: found 1, expected more than the 1 epochs that are done");
  REQUIRE(run_program(half.resume("")).status == 0);
  const std::string prune = "prune " + half.file + " --sparsity 0.5 --no-report --data " +
                            half.data + " --out " + (half.folder / "p") + " ";
  expect_error(prune + "--epochs 1 --compact-after 2", 2,
               "--compact-after: found 2, expected no more than the 1 epochs");
  expect_error(prune + "--schedule rigl --criterion taylor", 2, "--criterion: found taylor");
  expect_error(prune + "--schedule set --scope global", 2, "--scope: found global");
  expect_error(prune + "--ratio conv1=", 2, "--ratio: found 'conv1=', expected a layer");
  expect_error("crossover --linear 1,1 --out " + (half.folder / "x.svg"), 2,
               "--linear: found a layer of one weight");
}

TEST_CASE("command line: prune compacts at once where it is told to, without a training") {
  const Half half;
  REQUIRE(run_program(half.resume("")).status == 0);
  const Outcome run = run_program("prune " + half.file + " --structure filter --sparsity 0.5 " +
                                  "--epochs 0 --compact-after 0 --json --data " + half.data +
                                  " --out " + (half.folder / "p"));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.json()["parameters"] == run.json()["nonzero"]);
  CHECK(run.json()["bytes"].get<std::size_t>() < content(half.file).size() * 6 / 10);
}

}  // namespace espalier::testing
