// The command line: Ctrl-C ends every command cleanly, and a training goes on from the very step.
// Where a signal arrives is left to chance; what comes out must not depend on it.
#include <sys/stat.h>

#include "examples/cli/report_log.h"
#include "tests/interrupted.h"

namespace espalier::testing {
namespace {

// How many temporary files and other things the folder holds beside those named.
int others_in(const TempDir& folder, const std::vector<std::string>& known) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    count += std::find(known.begin(), known.end(), entry.path().filename()) == known.end();
  return count;
}

// Data of which a training takes many steps, so that a signal finds it on its way. One thread: two
// wait for each other where the machine is busy.
struct Setting {
  TempDir folder;
  std::string data = folder / "data", model = folder / "m.safetensors";
  Setting() {
    datasets::write_shapes(data, {.train = 500, .test = 40});
    const Outcome run = run_program("train --threads 1 --epochs 1 --batch 64 --lr 0.02 --data " +
                                    data + " --out " + model);
    REQUIRE_MESSAGE(run.status == 0, run.err);
  }
};

const Setting& setting() {
  static const Setting once;
  return once;
}

struct Interruption {
  Outcome outcome;
  bool landed = false;  // false: the program was done before the signal came
};

// Starts the program, and interrupts it once it has begun to train.
Interruption interrupt(const std::string& arguments, const std::string& log, int signal) {
  const Rewritten begun(log);
  Process program(arguments);
  program.wait_until(begun);
  program.send(signal);
  Interruption result{program.end()};
  CHECK(!program.ended_by_signal());
  result.landed = result.outcome.status != 0;
  return result;
}

// Interrupts a training, and again once it goes on; then lets it come to its end. The file and the
// log have to be those of the training that nobody interrupted.
void expect_same_in_parts(const std::string& command, const TempDir& folder) {
  CAPTURE(command);
  const std::string data = " --threads 1 --data " + setting().data;
  const std::string whole = folder / "whole.safetensors", parts = folder / "parts.safetensors";
  const Outcome run = run_program(command + data + " --out " + whole);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const std::string kind = command.substr(0, command.find(' '));
  std::string next = command;
  int landed = 0;
  for (int i = 0; i < 12 && landed < 2; ++i) {
    const int signal = landed == 0 ? SIGINT : SIGTERM;
    const Interruption part =
        interrupt(next + data + " --out " + parts, folder / "parts.log.jsonl", signal);
    if (!part.landed) {  // too late: afresh
      next = command;
      landed = 0;
      continue;
    }
    CAPTURE(part.outcome.err);
    REQUIRE(part.outcome.status == 128 + signal);
    CHECK(part.outcome.out.empty());
    CHECK(part.outcome.err.find("espalier: interrupted ") != std::string::npos);
    CHECK(part.outcome.err.find("go on with: espalier " + kind + " --resume " + parts + " --data " +
                                setting().data + " --out " + parts) != std::string::npos);
    CHECK(content(parts) != content(whole));
    next = kind + " --resume " + parts;
    ++landed;
  }
  REQUIRE(landed == 2);
  const Outcome rest = run_program(next + data + " --out " + parts);
  REQUIRE_MESSAGE(rest.status == 0, rest.err);
  CHECK(rest.err.find("resumed after epoch ") != rest.err.npos);
  CHECK(content(parts) == content(whole));
  CHECK(log_of(folder / "parts.log.jsonl") == log_of(folder / "whole.log.jsonl"));
  const cli::LogFacts facts = cli::read_log(parts, cli::load_checkpoint(parts));
  CHECK(facts.resumed.size() == 2);
  CHECK_FALSE(facts.interrupted);
  CHECK(others_in(folder, {"whole.safetensors", "parts.safetensors", "whole.log.jsonl",
                           "parts.log.jsonl"}) == 0);
}

}  // namespace

TEST_CASE("command line: a training that is interrupted twice ends in the same bits") {
  const char* trainings[] = {
      "train --model convnet --batch 16 --epochs 2 --lr 0.01 --ema 0.9 --regulariser l1",
      "train --model lenet5 --batch 8 --epochs 2 --optimizer adamw --clip 1 --label-smoothing 0.1"};
  for (const char* training : trainings) expect_same_in_parts(training, TempDir());
}

TEST_CASE("command line: other commands end with one sentence and nothing half written") {
  const TempDir folder;
  const std::string picture = folder / "x.svg", model = setting().model;
  // What each has said before it begins, and then a piece of work that is long enough.
  const std::string cases[] = {
      "bench --threads 1 " + model + " --batch 64 --windows 1000",
      "crossover --threads 1 --batch 64 --densities 0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1 --conv "
      "64,64,3,32 --judge training --out " +
          picture,
      "sensitivity --threads 1 " + model + " --data " + setting().data + " --share 0.9 --out " +
          picture};
  for (const std::string& arguments : cases) {
    CAPTURE(arguments);
    Process program(arguments);
    CHECK(program.wait_until([&] { return !program.err().empty(); }));
    program.send(SIGINT);
    const Outcome outcome = program.end();
    CAPTURE(outcome.err);
    CHECK(!program.ended_by_signal());
    CHECK(outcome.status == 130);
    CHECK(outcome.err.find("espalier: interrupted") != std::string::npos);
    CHECK(others_in(folder, {}) == 0);
  }
}

// The timer that ends what hangs is not waited for here: its signal is sent.
TEST_CASE("command line: a program that waits for input for ever is ended by a signal") {
  const TempDir folder;
  const std::string pipe = folder / "pipe.png";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  Process program("predict " + setting().model + " " + pipe);
  CHECK(program.wait_until([&] { return program.err().find("OpenBLAS") != std::string::npos; }));
  program.send(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  program.send(SIGALRM);
  const Outcome outcome = program.end();
  CHECK(!program.ended_by_signal());
  CHECK(outcome.status == 128 + SIGTERM);
  CHECK(
      outcome.err.find("espalier: interrupted, and ended since nothing moved for half a minute") !=
      outcome.err.npos);
}

TEST_CASE("command line: what was started to ignore interrupts goes on ignoring them") {
  const Outcome run = run_command(
      "sh -c 'trap \"\" INT; " + program_path() + " crossover --linear 8,8 --batch 2 --out " +
      (setting().folder / "ignored.svg") + " & child=$!; kill -INT $child; wait $child'");
  CHECK_MESSAGE(run.status == 0, run.err);
}

TEST_CASE("command line: a signal that is ignored stays so while another one ends the program") {
  const TempDir folder;
  const std::string out = folder / "m.safetensors", log = folder / "m.log.jsonl";
  // What a shell starts in the background ignores interrupts.
  const Outcome run = run_command(
      "sh -c '" + program_path() + " train --threads 1 --epochs 100 --batch 16 --lr 0.01 --data " +
      setting().data + " --out " + out + " & child=$!; n=0; while [ ! -s " + log +
      " ] && [ $n -lt 3000 ]; do sleep 0.01; n=$((n + 1)); done; kill -TERM $child; n=0; "
      "while [ $n -lt 3000 ]; do kill -INT $child; n=$((n + 1)); done; wait $child'");
  CHECK_MESSAGE(run.status == 128 + SIGTERM, run.err);
  CHECK(run.err.find("espalier: interrupted ") != run.err.npos);
}

}  // namespace espalier::testing
