// The command line: compact, crossover, bench of a pruned network, and training across a
// compaction.
#include "layers/layers.h"
#include "pruning/pruning.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A pruned network and its data, made once for all tests here.
struct Pruned {
  TempDir folder;
  std::string data = folder / "data", dense = folder / "m.safetensors",
              model = folder / "p.safetensors";
  Pruned() {
    write_small_data(data);
    Outcome run = run_program("train --model convnet --epochs 1 --batch 32 --lr 0.02 --data " +
                              data + " --out " + dense);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    run = run_program("prune " + dense + " --data " + data +
                      " --structure filter --sparsity 0.5 --epochs 0 --out " + model);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    run = run_program("prune " + model + " --data " + data + " --sparsity 0.95 --epochs 0 --out " +
                      model);
    REQUIRE_MESSAGE(run.status == 0, run.err);
  }
};

const Pruned& pruned() {
  static const Pruned once;
  return once;
}

}  // namespace

TEST_CASE("command line: compact makes a smaller file that answers the same") {
  const Pruned& p = pruned();
  const TempDir folder;
  const std::string out = folder / "c.safetensors", twice = folder / "d.safetensors";
  for (const std::string format : {"csr", "dense", "auto"}) {
    CAPTURE(format);
    const Outcome run = run_program("compact " + p.model + " --format " + format + " --batch 16" +
                                    " --data " + p.data + " --json --out " + out);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    const Json json = run.json();
    CHECK(json["max_error"].get<double>() <= 1e-5);
    CHECK(json["parameters"] < json["before"]["parameters"]);
    CHECK(json["bytes"] < json["before"]["bytes"]);
    CHECK(json["memory"] < json["before"]["memory"]);
    CHECK(json["macs"] < json["before"]["macs"]);
    for (const auto& form : json["forms"])
      if (format != "auto") CHECK(form["form"] == format);
    // eval and inspect agree with it.
    const Outcome eval = run_program("eval " + out + " --json --data " + p.data);
    const Outcome inspect = run_program("inspect " + out + " --json");
    REQUIRE_MESSAGE(eval.status == 0, eval.err);
    REQUIRE_MESSAGE(inspect.status == 0, inspect.err);
    for (const char* key : {"parameters", "nonzero", "macs", "macs_nonzero", "bytes", "memory"}) {
      CAPTURE(key);
      CHECK(eval.json()[key] == json[key]);
      CHECK(inspect.json()[key] == json[key]);
    }
    const Outcome before = run_program("eval " + p.model + " --json --data " + p.data);
    CHECK(eval.json()["accuracy"] == before.json()["accuracy"]);
    CHECK(eval.json()["loss"].get<double>() ==
          doctest::Approx(before.json()["loss"].get<double>()).epsilon(1e-5));
  }
  // Once is as good as twice; and it goes on: predicts, is pruned further, resumes.
  REQUIRE(run_program("compact " + p.model + " --format csr --out " + out).status == 0);
  REQUIRE(run_program("compact " + out + " --format csr --out " + twice).status == 0);
  CHECK(content(out) == content(twice));
  const Outcome further = run_program("prune " + out + " --data " + p.data +
                                      " --sparsity 0.99 --epochs 1 --json --out " + twice);
  REQUIRE_MESSAGE(further.status == 0, further.err);
  CHECK(further.json()["sparsity"].get<double>() == doctest::Approx(0.99).epsilon(0.001));
}

TEST_CASE("command line: a compacted file has no masks, and further training revives nothing") {
  const Pruned& p = pruned();
  const TempDir folder;
  const std::string out = folder / "c.safetensors", masked = folder / "m.safetensors",
                    tuned = folder / "t.safetensors";
  const std::string compact = "compact " + p.model + " --format dense --json --out ";
  const Outcome without = run_program(compact + out),
                with = run_program(compact + masked + " --keep-masks");
  REQUIRE_MESSAGE(without.status == 0, without.err);
  REQUIRE_MESSAGE(with.status == 0, with.err);
  CHECK(content(p.model).find(".mask\"") != std::string::npos);
  CHECK(content(out).find(".mask\"") == std::string::npos);
  CHECK(content(masked).find(".mask\"") != std::string::npos);
  const Json bytes = with.json()["mask_bytes"];
  CHECK(bytes > 0);
  CHECK(without.json()["mask_bytes"] == 0);
  CHECK(without.json()["bytes"].get<long>() < with.json()["bytes"].get<long>() - bytes.get<long>());
  CHECK(without.err.find("written without its masks") != without.err.npos);
  CHECK(with.err.find("written with its masks") != with.err.npos);
  for (const std::string& file : {out, masked}) {
    const Outcome run = run_program("prune " + file + " --data " + p.data + " --sparsity 0.95 " +
                                    "--epochs 1 --json --no-report --out " + tuned);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    CHECK(run.json()["nonzero"] <= without.json()["nonzero"]);
  }
  // Masks that prune nothing are written in no case.
  const std::string half = folder / "h.safetensors";
  REQUIRE(run_program("prune " + p.dense + " --data " + p.data + " --sparsity 0.5 --epochs 0 " +
                      "--structure filter --no-report --out " + half)
              .status == 0);
  const Outcome full = run_program("compact " + half + " --keep-masks --json --out " + out);
  REQUIRE_MESSAGE(full.status == 0, full.err);
  CHECK(full.json()["mask_bytes"] == 0);
  CHECK(full.err.find("written without masks") != full.err.npos);
  CHECK(content(half).find(".mask\"") != std::string::npos);
  CHECK(content(out).find(".mask\"") == std::string::npos);
  // Compacted on the way, the finished network has none either.
  REQUIRE(run_program("prune " + p.dense + " --data " + p.data + " --sparsity 0.5 --epochs 1 " +
                      "--batch 32 --compact-after 1 --no-report --out " + tuned)
              .status == 0);
  CHECK(content(tuned).find(".mask\"") == std::string::npos);
}

TEST_CASE("command line: training goes on across a compaction, masks fixed or moving") {
  const Pruned& p = pruned();
  const TempDir folder;
  const std::string out = folder / "c.safetensors";
  const char* cases[] = {"--sparsity 0.9 --epochs 2 --compact-after 1",
                         "--sparsity 0.9 --epochs 2 --compact-after 0 --schedule cubic",
                         "--sparsity 0.9 --epochs 2 --compact-after 0 --schedule rigl",
                         "--structure filter --sparsity 0.5 --epochs 2 --compact-after 1"};
  for (const std::string arguments : cases) {
    CAPTURE(arguments);
    const Outcome run = run_program("prune " + p.dense + " --data " + p.data +
                                    " --batch 32 --json " + arguments + " --out " + out);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    const double asked = arguments.find("0.9") != arguments.npos ? 0.9 : 0.5;
    CHECK(run.json()["sparsity"].get<double>() == doctest::Approx(asked).epsilon(0.001));
    CHECK(content(folder / "c.log.jsonl").find("\"compact\"") != std::string::npos);
    const Outcome eval = run_program("eval " + out + " --json --data " + p.data);
    REQUIRE_MESSAGE(eval.status == 0, eval.err);
    CHECK(eval.json()["accuracy"] == run.json()["accuracy"]);
  }
}

TEST_CASE("command line: bench compares the forms of a pruned network") {
  const Outcome run = run_program("bench " + pruned().model + " --batch 2,8 --windows 1 --json");
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json json = run.json();
  for (const char* variant : {"dense", "masked", "shrunk", "csr", "compact"}) {
    CAPTURE(variant);
    REQUIRE(json["variants"].contains(variant));
    for (const char* batch : {"2", "8"})
      for (const char* rate : {"inference_images_per_second", "train_images_per_second"})
        CHECK(json["variants"][variant][rate][batch].get<double>() > 0);
  }
  CHECK(json["inference_images_per_second"] ==
        json["variants"]["masked"]["inference_images_per_second"]);
  for (const char* what : {"inference", "training"}) CHECK(json["forms"][what].size() == 5);
}

TEST_CASE("command line: crossover measures and draws") {
  const TempDir folder;
  const std::string out = folder / "x.svg";
  for (const std::string layer : {"--conv 4,6,3,8,2", "--linear 40,30 --judge training"}) {
    CAPTURE(layer);
    const Outcome run =
        run_program("crossover " + layer + " --densities 0.1,0.5,1 --batch 16 --json --out " + out);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    const Json points = run.json()["points"];
    REQUIRE(points.size() == 3);
    for (const auto& point : points) CHECK(point["sparse_ms"].get<double>() > 0);
    CHECK(content(out).find("<svg") != std::string::npos);
  }
}

TEST_CASE("command line: compaction used wrongly") {
  const Pruned& p = pruned();
  const TempDir folder;
  const std::string out = folder / "c.safetensors";
  const struct {
    std::string arguments, message;
    int status;
  } cases[] = {
      {"compact " + p.model + " --format sparse --out " + out,
       "espalier: --format: found 'sparse', expected dense, csr or auto", 2},
      {"compact " + p.model + " --judge speed --out " + out,
       "espalier: --judge: found 'speed', expected inference or training", 2},
      {"compact " + p.model + " --batch 0 --out " + out,
       "espalier: --batch: found 0, expected 1 to 65536", 2},
      {"compact " + (folder / "none.safetensors") + " --out " + out, "none.safetensors", 1},
      {"crossover --conv 3,4 --out " + out, "--out: found", 2},
      {"crossover --conv 3,4 --out " + (folder / "x.svg"), "--conv: found 3,4, expected", 2},
      {"crossover --densities 0 --out " + (folder / "x.svg"), "--densities: found 0", 2},
      {"prune " + p.dense + " --data " + p.data +
           " --sparsity 0.5 --schedule lottery --compact-after 1 --out " + out,
       "--compact-after: found schedule lottery", 2}};
  for (const auto& c : cases) {
    expect_error(c.arguments, c.status, c.message);
    CHECK(content(out).empty());
  }
}

}  // namespace espalier::testing
