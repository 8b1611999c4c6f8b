// The command line: training, going on where it was interrupted, and what it leaves behind.
#include "tests/cli.h"

namespace espalier::testing {
namespace {

const std::string kSmall = " --model convnet --batch 32 --lr 0.02 ";

}  // namespace

TEST_CASE("command line: train writes a model, a log and the figures of the contract") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string model = folder / "m.safetensors";
  const Outcome run = run_program("train" + kSmall + "--epochs 2 --seed 3 --json --data " +
                                  (folder / "data") + " --out " + model);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(lines(run.out) == 1);
  const Json json = run.json();
  for (const char* key : {"accuracy", "loss", "epochs", "images_per_second"})
    CHECK_MESSAGE(json.contains(key), key);
  CHECK(json["epochs"] == 2);

  const std::string log = content(folder / "m.log.jsonl");
  CHECK(lines(log) == 3);  // the recipe, and two epochs
  const Json last = Json::parse(log.substr(log.rfind('\n', log.size() - 2) + 1));
  CHECK(last["epoch"] == 2);
  CHECK(last["test_accuracy"] == json["accuracy"]);

  const Outcome eval = run_program("eval " + model + " --json --data " + (folder / "data"));
  REQUIRE_MESSAGE(eval.status == 0, eval.err);
  CHECK(eval.json()["accuracy"] == json["accuracy"]);
  CHECK(eval.json()["bytes"] == content(model).size());
}

TEST_CASE("command line: a resumed training ends in the same file as an uninterrupted one") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string whole = folder / "whole.safetensors";
  const std::string parts = folder / "parts.safetensors";
  // Batch norm, dropout-free; an average of the weights and label smoothing on top.
  for (const std::string& options :
       {std::string(" --epochs 3 --batch 32 --lr 0.02 --ema 0.9 --label-smoothing 0.1"),
        std::string(" --epochs 3 --batch 32 --optimizer adamw --schedule cosine --clip 1")}) {
    const std::string data = " --data " + (folder / "data");
    const std::string model = options.find("adamw") == options.npos ? "convnet" : "lenet5";
    REQUIRE(run_program("train --model " + model + options + data + " --out " + whole).status == 0);
    const Outcome first =
        run_program("train --stop-after 1 --model " + model + options + data + " --out " + parts);
    REQUIRE_MESSAGE(first.status == 0, first.err);
    CHECK(content(parts) != content(whole));
    const Outcome rest = run_program("train --json --resume " + parts + data + " --out " + parts);
    REQUIRE_MESSAGE(rest.status == 0, rest.err);
    CHECK(rest.json()["epochs"] == 3);
    CHECK(content(parts) == content(whole));
    CHECK(lines(content(folder / "parts.log.jsonl")) == 5);  // the fifth says that it went on

    const Outcome again = run_program("train --resume " + parts + data + " --out " + parts);
    CHECK(again.status == 1);
    CHECK(again.err.find("finished") != again.err.npos);
  }
}

TEST_CASE("command line: a resumed training keeps its recipe, and says so") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string data = " --data " + (folder / "data") + " --out " + (folder / "m.st");
  REQUIRE(run_program("train --epochs 2 --stop-after 1" + kSmall + data).status == 0);
  const Outcome other = run_program("train --resume " + (folder / "m.st") + " --batch 16" + data);
  CHECK(other.status == 2);
  CHECK(other.err.find("--batch: found 16, expected 32") != other.err.npos);
}

TEST_CASE("command line: the same seed gives the same file, another seed another") {
  const TempDir folder;
  write_small_data(folder / "data");
  const auto train = [&](const char* seed, const char* file) {
    const Outcome run = run_program("train" + kSmall + "--epochs 1 --seed " + seed + " --data " +
                                    (folder / "data") + " --out " + (folder / file));
    REQUIRE_MESSAGE(run.status == 0, run.err);
    return content(folder / file);
  };
  const std::string first = train("7", "a.safetensors");
  CHECK(first == train("7", "b.safetensors"));
  CHECK(first != train("8", "c.safetensors"));
}

TEST_CASE("command line: a loss that is no number stops training, and the last checkpoint stays") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string model = folder / "m.safetensors";
  const std::string data = " --data " + (folder / "data") + " --out " + model;
  REQUIRE(run_program("train --epochs 1" + kSmall + data).status == 0);
  const std::string before = content(model);
  const Outcome run = run_program("train --epochs 3 --batch 32 --lr 1e30 --warmup 0" + data);
  CHECK(run.status == 1);
  CHECK_MESSAGE(run.err.find("epoch 1, step ") != run.err.npos, run.err);
  CHECK_MESSAGE(run.err.find("that is none is conv") != run.err.npos, run.err);
  CHECK(content(model) == before);
}

TEST_CASE("command line: run tells the story and leaves the model behind") {
  const TempDir folder;
  write_small_data(folder / "data");
  const Outcome run = run_program("run --model lenet5 --epochs 1 --json --data " +
                                  (folder / "data") + " --out " + (folder / "story"));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json dense = run.json()["dense"];
  for (const char* key : {"accuracy", "loss", "images", "parameters", "nonzero", "macs", "bytes"})
    CHECK_MESSAGE(dense.contains(key), key);
  CHECK(content(folder / "story/dense.safetensors").size() == dense["bytes"]);
}

}  // namespace espalier::testing
