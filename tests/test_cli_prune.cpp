// The command line: prune, by every structure and schedule, and every way of using it wrongly.
#include "layers/layers.h"
#include "pruning/pruning.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A trained network with layers that can leave, a small one, and their data; made once for all
// tests here.
struct Trained {
  TempDir folder;
  std::string data = folder / "data", model = folder / "m.safetensors",
              small = folder / "small.safetensors";
  Trained() {
    write_small_data(data);
    for (const std::string& command : {"train --model resnet20 --batch 32 --lr 0.02 --out " + model,
                                       "train --model lenet5 --batch 32 --out " + small}) {
      const Outcome run = run_program(command + " --epochs 1 --data " + data);
      REQUIRE_MESSAGE(run.status == 0, run.err);
    }
  }
};

const Trained& trained() {
  static const Trained once;
  return once;
}

Outcome prune(const std::string& arguments, const std::string& out,
              const std::string& model = trained().model) {
  const Trained& t = trained();
  return run_program("prune " + model + " --data " + t.data +
                     " --pictures 16 --batch 32 --no-report" + " --out " + out + " --json " +
                     arguments);
}

}  // namespace

TEST_CASE("command line: prune takes what it is asked to, says so and writes it") {
  const TempDir folder;
  const std::string out = folder / "p.safetensors";
  const struct {
    const char* arguments;
    double sparsity;
  } cases[] = {
      {"--structure weight --sparsity 0.9 --scope global --epochs 1", 0.9},
      {"--structure filter --criterion taylor --sparsity 0.5 --epochs 0", 0.5},
      {"--structure layer --criterion taylor --sparsity 0.34 --epochs 0", 3.0 / 9},
      {"--structure block --block 4x9 --sparsity 0.5 --epochs 0", 0.5},
      {"--structure n:m --pattern 1:4 --epochs 0", 0.75},
      {"--structure filter --count macs --scope global --sparsity 0.4 --epochs 0", 0.4},
      {"--structure weight --sparsity 0.8 --schedule cubic --epochs 2", 0.8},
      {"--structure weight --sparsity 0.8 --schedule iterative --steps 2 --epochs 1", 0.8},
      {"--structure weight --sparsity 0.5 --schedule exponential --epochs 1 --regulariser l1", 0.5},
      {"--structure weight --sparsity 0.8 --schedule initial --criterion snip --epochs 1", 0.8},
      {"--structure weight --sparsity 0.75 --schedule lottery --steps 2 --epochs 1", 0.75},
      {"--structure weight --sparsity 0.8 --schedule rigl --epochs 1", 0.8},
      {"--structure weight --sparsity 0.8 --schedule set --epochs 1", 0.8},
  };
  for (const auto& c : cases) {
    CAPTURE(c.arguments);
    const bool layers = std::string(c.arguments).starts_with("--structure layer");
    const Outcome run = prune(c.arguments, out, layers ? trained().model : trained().small);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    const Json json = run.json();
    CHECK(json["sparsity"].get<double>() == doctest::Approx(c.sparsity).epsilon(0.02));
    for (const char* key : {"accuracy_before_finetune", "accuracy", "images_per_second", "nonzero"})
      CHECK(json.contains(key));
    // The file holds the masks: what eval counts is what prune says.
    const Outcome eval = run_program("eval " + out + " --json --data " + trained().data);
    REQUIRE_MESSAGE(eval.status == 0, eval.err);
    for (const char* key : {"accuracy", "nonzero", "macs_nonzero", "bytes"})
      CHECK(eval.json()[key] == json[key]);
  }
}

TEST_CASE("command line: prune after prune, and the same bits twice") {
  const TempDir folder;
  const std::string a = folder / "a.safetensors", b = folder / "b.safetensors";
  const std::string arguments = "--structure filter --criterion random --sparsity 0.5 --epochs 1";
  REQUIRE(prune(arguments, a).status == 0);
  REQUIRE(prune(arguments, b).status == 0);
  CHECK(content(a) == content(b));
  const Outcome again = run_program("prune " + a + " --data " + trained().data +
                                    " --sparsity 0.9 --epochs 0 --json --out " + b);
  REQUIRE_MESSAGE(again.status == 0, again.err);
  CHECK(again.json()["sparsity"].get<double>() == doctest::Approx(0.9).epsilon(0.01));
}

TEST_CASE("command line: prune used wrongly is one sentence, and nothing is written") {
  const TempDir folder;
  const std::string out = folder / "p.safetensors";
  const std::pair<const char*, const char*> cases[] = {
      {"--structure weight", "--sparsity: found none, expected the share that is to go"},
      {"--sparsity 1", "--sparsity: found 1, expected 0 to below 1"},
      {"--sparsity -0.5", "--sparsity: found -0.5, expected 0 to below 1"},
      {"--sparsity 0.5 --structure rows", "found 'rows', expected weight, block"},
      {"--sparsity 0.5 --criterion best", "found 'best', expected one of magnitude, l2"},
      {"--sparsity 0.5 --criterion apoz", "--criterion apoz: found weights"},
      {"--sparsity 0.5 --criterion threshold", "expected either --threshold or --deviations"},
      {"--sparsity 0.5 --threshold 0.1", "expected criterion threshold"},
      {"--sparsity 0.5 --schedule often", "--schedule: found 'often', expected one of one-shot"},
      {"--sparsity 0.5 --schedule rigl --structure filter", "expected weight"},
      {"--sparsity 0.5 --structure n:m", "expected none where a threshold or a pattern decides"},
      {"--structure n:m --pattern 4:2", "n:m: found 4:2, expected n at least 1 and below m"},
      {"--sparsity 0.5 --structure block --block 4", "--block: found '4', expected two numbers"},
      {"--sparsity 0.5 --only conv9", "conv9"},
      {"--sparsity 0.5 --ratio conv1", "--ratio: found 'conv1', expected a layer and its ratio"},
      {"--sparsity 0.99 --structure filter", "which leaves 0 of 16 filters, expected at least 1"},
      {"--sparsity 0.5 --schedule cubic --epochs 0",
       "found --epochs 0, expected epochs to prune in"},
      {"--sparsity 0.5 --criterion bn-scale --structure layer --ratio x=0.5", "ratio for x"},
  };
  for (const auto& [arguments, part] : cases) {
    CAPTURE(arguments);
    const Outcome run = prune(arguments, out);
    CAPTURE(run.err);
    CHECK(run.status != 0);
    CHECK(run.out.empty());
    CHECK(run.err.find(part) != run.err.npos);
    CHECK(content(out).empty());
  }
}

}  // namespace espalier::testing
