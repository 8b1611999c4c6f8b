// The command line: a pruning that is interrupted, or killed, goes on as if it had not been,
// whatever its schedule; and what has changed since is refused.
#include "tests/interrupted.h"

namespace espalier::testing {
namespace {

// A trained network, its data, and prunings and trainings that were interrupted; made once.
struct Setting {
  TempDir folder;
  std::string data = folder / "data", model = folder / "m.safetensors",
              half = folder / "half.safetensors";  // of the model, pruned
  Setting() {
    datasets::write_shapes(data, {.train = 240, .test = 40});
    const Outcome run =
        run_program("train --model lenet5 --threads 1 --epochs 2 --batch 16 --lr 0.02 --data " +
                    data + " --out " + model);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    REQUIRE(run_program("prune " + model + " --threads 1 --epochs 0 --sparsity 0.5 --no-report " +
                        "--data " + data + " --out " + half)
                .status == 0);
  }
};

const Setting& setting() {
  static const Setting once;
  return once;
}

std::string with_data() { return " --threads 1 --data " + setting().data; }

// The lines of JSON without what depends on the machine.
Json answer_of(const Outcome& run) {
  Json json = run.json();
  for (const char* key : {"images_per_second", "report"}) json.erase(key);
  return json;
}

// Interrupts a pruning once it trains.
void begin_and_interrupt(const std::string& command, const TempDir& folder,
                         const std::string& parts) {
  for (int tries = 0; tries < 12; ++tries) {
    std::filesystem::remove(parts);
    const Rewritten begun(folder / "parts.log.jsonl");
    Process program(command);
    program.wait_until(begun);
    program.send(SIGINT);
    const Outcome outcome = program.end();
    if (outcome.status == 0) continue;  // the signal came too late
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 128 + SIGINT);
    REQUIRE(outcome.err.find("go on with: espalier prune --resume " + parts + " --data " +
                             setting().data + " --out " + parts) != std::string::npos);
    return;
  }
  FAIL("the pruning was always done before the signal came");
}

// Resumes it, and ends it again after one step, then after its next epoch, then when it likes, and
// so on; until nothing is left to do, and the file has the content of the whole. Returns how often
// it was interrupted.
int resume_in_parts(const std::string& parts, const std::string& whole, const TempDir& folder,
                    Outcome& last) {
  const std::string command = "prune --json --resume " + parts + with_data() + " --out " + parts;
  for (int i = 0; i < 60; ++i) {
    const Rewritten saved(parts), begun(folder / "parts.log.jsonl");
    Process program(command);
    const int signal = i % 3 == 0 ? SIGINT : i % 3 == 1 ? SIGKILL : SIGTERM;
    // A signal before training begins lets it do a step.
    if (signal == SIGINT)
      program.wait_until([&] { return !program.err().empty(); });
    else
      program.wait_until(signal == SIGKILL ? std::function<bool()>(saved) : begun);
    program.send(signal);
    last = program.end();
    if (last.status == 0 || content(parts) == whole) return i;
    CAPTURE(last.err);
    REQUIRE(last.status == 128 + signal);
    if (signal != SIGKILL) CHECK(last.err.find("; " + parts + " holds it all") != last.err.npos);
  }
  FAIL("the pruning never came to its end");
  return 0;
}

void expect_same_in_parts(const std::string& options, const std::string& model = setting().model) {
  CAPTURE(options);
  const TempDir folder;
  const std::string whole = folder / "whole.safetensors", parts = folder / "parts.safetensors";
  const std::string command = "prune " + model + with_data() +
                              (options.find("--batch") == options.npos ? " --batch 8" : "") +
                              " --pictures 32 " + options;
  const Outcome run = run_program(command + " --json --out " + whole);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  begin_and_interrupt(command + " --out " + parts, folder, parts);
  CHECK(content(parts) != content(whole));
  Outcome last;
  CHECK(resume_in_parts(parts, content(whole), folder, last) > 0);
  CHECK(content(parts) == content(whole));
  CHECK(log_of(folder / "parts.log.jsonl") == log_of(folder / "whole.log.jsonl"));
  if (last.status != 0) return;  // killed between its last epoch and its answer
  CHECK(answer_of(last) == answer_of(run));
  CHECK(std::filesystem::exists(folder / "parts.report.html") ==
        std::filesystem::exists(folder / "whole.report.html"));
}

// A pruning that was killed after the first epoch.
std::string killed(const TempDir& folder, const std::string& options) {
  const std::string file = folder / "parts.safetensors";
  const Rewritten saved(file);
  Process program("prune " + setting().model + with_data() + " --batch 8 --pictures 32 " + options +
                  " --out " + file);
  REQUIRE(program.wait_until(saved));
  program.send(SIGKILL);
  REQUIRE(program.end().status == 128 + SIGKILL);
  return file;
}

}  // namespace

TEST_CASE("resume: a pruning before its training ends in the same bits and writes its report") {
  expect_same_in_parts("--sparsity 0.9 --epochs 2");
  expect_same_in_parts("--sparsity 0.8 --schedule initial --criterion snip --epochs 2 --no-report");
}

TEST_CASE("resume: masks that move within the training move in the same way") {
  // Judged by batches of an epoch that was interrupted.
  expect_same_in_parts(
      "--sparsity 0.8 --schedule cubic --criterion taylor --epochs 2 --ema 0.9 --no-report");
  expect_same_in_parts(
      "--sparsity 0.8 --schedule iterative --steps 4 --regulariser l1 --epochs 2 --no-report");
  expect_same_in_parts(
      "--sparsity 0.5 --schedule exponential --structure filter --optimizer adamw --epochs 2 "
      "--no-report");
}

TEST_CASE("resume: lottery tickets go back to the same weights in every level") {
  expect_same_in_parts(
      "--sparsity 0.7 --schedule lottery --steps 2 --rewind-epoch 1 --epochs 1 --no-report");
}

TEST_CASE("resume: dynamic sparse training drops and grows the same weights") {
  // More than 100 steps an epoch: some updates fall into it.
  for (const char* schedule : {"rigl", "set"})
    expect_same_in_parts("--sparsity 0.8 --epochs 2 --batch 2 --no-report --schedule " +
                         std::string(schedule));
}

TEST_CASE("resume: a network that is compacted on the way goes on small") {
  expect_same_in_parts(
      "--structure filter --sparsity 0.5 --epochs 3 --compact-after 1 --no-report");
}

TEST_CASE("resume: shares stay those of the network that the pruning began with") {
  for (const char* schedule : {"cubic", "lottery --steps 2 --rewind-epoch 1"})
    expect_same_in_parts("--sparsity 0.5 --relative-to current --epochs 2 --no-report --schedule " +
                             std::string(schedule),
                         setting().half);
}

TEST_CASE("resume: an unfinished file names the command that goes on with it") {
  const TempDir folder;
  const std::string prune = killed(folder, "--sparsity 0.5 --epochs 40"),
                    train = folder / "t.safetensors", out = " --out " + (folder / "x"),
                    rest = with_data() + out;
  REQUIRE(run_program("train --model lenet5 --epochs 2 --stop-after 1" + with_data() + " --out " +
                      train)
              .status == 0);
  const auto command = [&](const std::string& kind, const std::string& file) {
    return "(resume it with: espalier " + kind + " --resume " + file + " --data " + setting().data +
           " --out " + file + ")";
  };
  expect_error("train --resume " + prune + rest, 1, command("prune", prune));
  expect_error("prune --resume " + train + rest, 1, command("train", train));
  expect_error("prune " + prune + " --sparsity 0.5" + rest, 1, command("prune", prune));
  expect_error("prune " + train + " --sparsity 0.5" + rest, 1, command("train", train));
  expect_error("compact " + prune + out, 1, "found a pruning that was interrupted");
  expect_error("prune --resume " + setting().model + rest, 1, "found a network that is finished");
  expect_error("prune" + rest, 2, "prune: found no file");
  expect_error("prune " + prune + " --resume " + prune + rest, 2, "found both a file and --resume");
  CHECK(!std::filesystem::exists(folder / "x"));
}

TEST_CASE("resume: a pruning keeps the options that it began with") {
  const TempDir folder;
  const std::string file = killed(folder, "--sparsity 0.5 --epochs 40 --leave-out conv1"),
                    resume = "prune --resume " + file + with_data() + " --out " + file + " ";
  const std::pair<const char*, const char*> cases[] = {
      {"--sparsity 0.6", "--sparsity: found 0.6, expected 0.5 as the pruning in "},
      {"--schedule cubic", "--schedule: found \"cubic\", expected \"one-shot\""},
      {"--leave-out conv2", "--leave-out: found [\"conv2\"], expected [\"conv1\"]"},
      {"--threshold 0.1", "--threshold: found 0.1, expected none"},
      {"--ratio conv2=0.5", "--ratio: found [\"conv2=0.5\"], expected none"},
      {"--compact-after 3", "--compact-after: found 3, expected none"},
      {"--lr 0.5", "--lr: found 0.5, expected"},
      {"--lr-schedule constant", "--lr-schedule: found \"constant\", expected \"cosine\""},
      {"--epochs 3", "--epochs: found 3, expected 40"},
  };
  for (const auto& [options, part] : cases) expect_error(resume + options, 2, part);
  // What says the same again is fine, wherever it goes on from there.
  Process program(resume + "--sparsity 0.5 --leave-out conv1 --structure weight --batch 8");
  program.wait_until([&] { return !program.err().empty(); });
  program.send(SIGINT);
  const Outcome outcome = program.end();
  CHECK(outcome.status == 128 + SIGINT);
  CHECK(outcome.err.find("resumed after epoch ") != outcome.err.npos);
  CHECK(outcome.err.find("holds it all") != outcome.err.npos);
}

TEST_CASE("resume: the report says where the network that was pruned is not there any more") {
  const TempDir folder;
  const std::string copy = folder / "copy.safetensors", out = folder / "p.safetensors";
  for (const char* words :
       {"is no longer there", "has changed since its pruning began", "has changed"}) {
    std::filesystem::copy_file(setting().model, copy);
    const Rewritten saved(out);
    Process program("prune " + copy + with_data() + " --batch 8 --sparsity 0.5 --epochs 6 --out " +
                    out);
    REQUIRE(program.wait_until(saved));
    program.send(SIGKILL);
    REQUIRE(program.end().status == 128 + SIGKILL);
    std::filesystem::remove_all(copy);
    if (std::string(words) == "has changed")
      std::filesystem::create_directory(copy);
    else if (std::string(words).starts_with("has"))
      std::ofstream(copy) << "other";
    const Outcome run = run_program("prune --resume " + out + with_data() + " --out " + out);
    REQUIRE_MESSAGE(run.status == 0, run.err);
    CHECK(run.err.find("warning: " + copy + " " + words) != run.err.npos);
    CHECK(std::filesystem::exists(folder / "p.report.html"));
    std::filesystem::remove(out);
    std::filesystem::remove_all(copy);
  }
}

}  // namespace espalier::testing
