// The command line: what belongs together is kept together, and an option is heard or refused.
#include "examples/cli/report_charts.h"
#include "tests/cli.h"
#include "tests/xml.h"

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

}  // namespace

TEST_CASE("command line: a network is not trained on to tell other classes") {
  const Half half;
  const std::string others = half.folder / "others", before = content(half.file),
                    part = half.file +
                           ": found a network trained on data, whose class 0 is circle, "
                           "expected a as in others";
  write_class_folders(others, {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
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
  const Outcome full = run_command(program_path() + " inspect " + half.file + " >/dev/full");
  CHECK(full.status == 1);
  CHECK(full.err.find("espalier: standard output: cannot be written") != full.err.npos);
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

TEST_CASE("command line: a training that fails leaves an older model its log") {
  const Half half;
  REQUIRE(run_program(half.resume("")).status == 0);
  const std::string log = half.folder / "half.log.jsonl", before = content(log),
                    model = content(half.file);
  const std::string wild =
      " --epochs 3 --batch 20 --lr 1e9 --clip 0 --data " + half.data + " --out " + half.file;
  for (const std::string& command :
       {"train --model lenet5" + wild, "prune " + half.file + " --sparsity 0.5" + wild}) {
    CAPTURE(command);
    const Outcome run = run_program(command);
    CHECK(run.status == 1);
    CHECK(content(half.file) == model);
    CHECK(content(log) == before);
  }
  // And one that does not fail takes its place.
  REQUIRE(run_program("train --model lenet5 --epochs 1 --data " + half.data + " --out " + half.file)
              .status == 0);
  CHECK(lines(content(log)) == 2);
}

TEST_CASE("command line: a log goes on where a network is compacted in place, and over levels") {
  const Half half;
  REQUIRE(run_program(half.resume("")).status == 0);
  const std::string before = content(half.folder / "half.log.jsonl"),
                    ticket = half.folder / "ticket.safetensors";
  const Outcome levels = run_program("prune " + half.file + " --schedule lottery --steps 3 " +
                                     "--sparsity 0.75 --epochs 2 --no-report --data " + half.data +
                                     " --out " + ticket);
  REQUIRE_MESSAGE(levels.status == 0, levels.err);
  CHECK(count(content(half.folder / "ticket.log.jsonl"), "\"epoch\":") == 3 * 2);
  CHECK(count(content(half.folder / "ticket.log.jsonl"), "\"level\":") == 3);
  CHECK(cli::read_log(ticket, cli::load_checkpoint(ticket)).epochs.size() == 2);
  REQUIRE(run_program("compact " + half.file + " --out " + half.file).status == 0);
  const std::string after = content(half.folder / "half.log.jsonl");
  CHECK(after.starts_with(before));
  CHECK(lines(after) == lines(before) + 1);
}

TEST_CASE("report: the accuracy of other weights than the file's is not the file's") {
  const Half half("--ema 0.9");
  const auto accuracy = [&](const std::string& options) {
    const Outcome run = run_program("report " + half.file + " --no-bench --json --out " +
                                    (half.folder / "r.html") + options);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    return run.json()["files"][0]["accuracy"];
  };
  CHECK(accuracy("").is_null());  // the log's is that of the averages
  CHECK(content(half.folder / "r.html").find("other accuracies") == std::string::npos);
  const Outcome eval = run_program("eval " + half.file + " --json --data " + half.data);
  CHECK(accuracy(" --data " + half.data) == eval.json()["accuracy"]);
  REQUIRE(run_program(half.resume("")).status == 0);
  CHECK_FALSE(accuracy("").is_null());
}

TEST_CASE("report: a pruning is drawn from the end of the network that it was pruned from") {
  cli::ReportFacts facts;
  facts.files.resize(3);
  facts.files[0].log.epochs = {{1, 0.5, 1, 100}, {2, 0.75, 1, 100}};
  for (std::size_t i : {1, 2}) {
    facts.files[i].log.event = "prune";
    facts.files[i].log.dense = i == 1 ? 0.75 : 0.7;
    facts.files[i].log.before_finetune = 0.25;
    facts.files[i].log.before_epochs = 0;
    facts.files[i].log.epochs = {{1, 0.6, 1, 100}};
  }
  const auto series = cli::accuracy_series(facts);
  CHECK(series[1].points[0].x == 2);
  CHECK(series[1].points[2].x == 3);
  CHECK(series[2].points[0].x == 0);  // pruned from another one
  CHECK(series[2].points[0].y == 0.7);
}

}  // namespace espalier::testing
