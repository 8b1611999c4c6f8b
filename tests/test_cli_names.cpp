// The command line: which files belong to a model, and that no model's are taken for another's.
#include "examples/cli/beside.h"
#include "examples/cli/log.h"
#include "examples/cli/report_log.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A training of a few seconds.
std::string train(const TempDir& folder) {
  return "train --model lenet5 --batch 40 --lr 0.01 --data " + (folder / "data") + " ";
}

Json first_line(const std::string& log) {
  return Json::parse(content(log).substr(0, content(log).find('\n')), nullptr, false);
}

}  // namespace

TEST_CASE("names: only a model's own ending gives way to another") {
  CHECK(cli::beside("a/net.safetensors", ".log.jsonl") == "a/net.log.jsonl");
  CHECK(cli::beside("a.b/net-0.5", ".log.jsonl") == "a.b/net-0.5.log.jsonl");
  CHECK(cli::beside("net-0.9", ".x") != cli::beside("net-0.5", ".x"));
  CHECK(cli::beside("net.small", ".x") != cli::beside("net.safetensors", ".x"));
  CHECK(cli::beside("a/.safetensors", ".x") == "a/.safetensors.x");
  CHECK(cli::without_ending("pruned-0.5.safetensors") == "pruned-0.5");
}

TEST_CASE("command line: models whose names differ behind a dot keep logs of their own") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string dense = folder / "net-0.1";
  REQUIRE(run_program(train(folder) + "--epochs 1 --out " + dense).status == 0);
  const std::string log = content(dense + ".log.jsonl");
  CHECK(lines(log) == 2);
  REQUIRE(run_program("compact " + dense + " --out " + (folder / "net-0.2")).status == 0);
  CHECK(content(dense + ".log.jsonl") == log);
  CHECK(lines(content(folder / "net-0.2.log.jsonl")) == 1);
  // Those of "x" and "x.safetensors" would be one.
  const std::string twin = dense + ".safetensors";
  const std::string words = twin + ": found " + dense + " beside it, whose log has the same name";
  expect_error(train(folder) + "--epochs 1 --out " + twin, 1, words);
  expect_error("compact " + dense + " --out " + twin, 1, words);
  expect_error("prune " + dense + " --sparsity 0.5 --data " + (folder / "data") + " --out " + twin,
               1, words);
  CHECK(!std::filesystem::exists(twin));
}

TEST_CASE("command line: a training that goes on in another file takes its log along") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string a = folder / "a.safetensors", b = folder / "b.safetensors";
  REQUIRE(run_program(train(folder) + "--epochs 3 --seed 7 --out " + b).status == 0);  // an older b
  REQUIRE(run_program(train(folder) + "--epochs 2 --stop-after 1 --out " + a).status == 0);
  const std::string half = content(folder / "a.log.jsonl"),
                    resume = "train --resume " + a + " --data " + (folder / "data") + " --out ";
  const Outcome rest = run_program(resume + b);
  REQUIRE_MESSAGE(rest.status == 0, rest.err);
  const std::string log = content(folder / "b.log.jsonl");
  CHECK(log.starts_with(half));
  CHECK(lines(log) == 4);  // the recipe, an epoch, going on, another
  CHECK(cli::read_log(b, cli::load_checkpoint(b)).resumed ==
        std::vector<std::string>{"espalier " + resume + b});
  CHECK(content(folder / "a.log.jsonl") == half);
  CHECK(first_line(folder / "b.log.jsonl")["recipe"]["seed"] == 0);
  // Where the model alone was brought here, the log begins with its recipe all the same.
  std::filesystem::remove(folder / "a.log.jsonl");
  REQUIRE(run_program(resume + (folder / "c.safetensors")).status == 0);
  CHECK(lines(content(folder / "c.log.jsonl")) == 2);
  CHECK(first_line(folder / "c.log.jsonl")["recipe"]["epochs"] == 2);
  CHECK(first_line(folder / "c.log.jsonl")["command"] ==
        "espalier " + resume + (folder / "c.safetensors"));
}

}  // namespace espalier::testing
