// The command line: two processes never write the same files at a time, and no log is taken for
// that of a model with other weights.
#include "core/error.h"
#include "examples/cli/claim.h"
#include "tests/process.h"

namespace espalier::testing {
namespace {

namespace fs = std::filesystem;

// A training of one thread that is still on its way when a test looks, and one that ends soon.
std::string training(const TempDir& folder, int epochs) {
  return "train --model lenet5 --threads 1 --batch 20 --lr 0.01 --epochs " +
         std::to_string(epochs) + " --data " + (folder / "data") + " --out ";
}

Json report(const std::string& file, const TempDir& folder) {
  const Outcome run =
      run_program("report --no-bench --json --out " + (folder / "r.html") + " " + file);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  return run.json()["files"][0];
}

std::vector<std::string> lines_of(const std::string& path) {
  std::istringstream text(content(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

void write_lines(const std::string& path, const std::vector<std::string>& lines) {
  std::ofstream file(path);
  for (const std::string& line : lines) file << line << "\n";
}

}  // namespace

TEST_CASE("claim: a second process that would write the same files is refused at its start") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string model = folder / "m.safetensors", lock = folder / "m.espalier-lock",
                    other = folder / "o.safetensors", data = " --data " + (folder / "data");
  REQUIRE(run_program(training(folder, 1) + other).status == 0);
  fs::create_symlink("m.safetensors", folder / "link.safetensors");
  {
    Process first(training(folder, 100000) + model);
    REQUIRE(first.wait_until([&] { return fs::exists(model); }));
    const std::string words = ": found process " + content(lock).substr(8) + " writing it";
    CHECK(content(lock).find("process ") == 0);
    CHECK(words.find(" on ") != words.npos);
    expect_error(training(folder, 1) + model, 1, model + words);
    expect_error(training(folder, 1) + (folder / "link.safetensors"), 1, words);
    expect_error("prune " + other + data + " --sparsity 0.5 --out " + model, 1, model + words);
    expect_error("compact " + other + " --out " + model, 1, model + words);
    CHECK(run_program("compact " + other + " --out " + (folder / "c.safetensors")).status == 0);
    CHECK(run_program("report --no-bench " + model).status == 0);  // to read it is no harm
    CHECK(fs::exists(lock));
  }  // killed
  CHECK(fs::exists(lock));
  const Outcome next = run_program(training(folder, 1) + model);
  CHECK_MESSAGE(next.status == 0, next.err);
  CHECK(!fs::exists(lock));
}

TEST_CASE("claim: two stories in one folder, two reports of one name") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string out = folder / "story", run = "run --model lenet5 --threads 1 --epochs ",
                    where = " --data " + (folder / "data") + " --out " + out;
  Process first(run + "100000" + where);
  REQUIRE(first.wait_until([&] { return fs::exists(out + "/dense.safetensors"); }));
  expect_error(run + "1" + where, 1, out + "/dense.safetensors: found process ");
  expect_error("report " + out + "/dense.safetensors", 1, out + "/report.html: found process ");
  expect_error("compact " + out + "/dense.safetensors --out " + out + "/compact.safetensors", 1,
               out + "/compact.safetensors: found process ");
}

TEST_CASE("claim: a lock ends with its object, and another file is free") {
  const TempDir folder;
  {
    const cli::Claim first(folder / "a.html"), second(folder / "b.html");
    CHECK_THROWS_AS(cli::Claim(folder / "a.html"), Error);
    CHECK(fs::exists(folder / "a.html.espalier-lock"));
  }
  const cli::Claim again(folder / "a.html");
  CHECK(!fs::exists(folder / "b.html.espalier-lock"));
  CHECK_THROWS_AS(cli::Claim(folder / "none/a.html"), Error);
  // Names that only the files beside it would be too long for are refused before the work.
  cli::claim_model(folder / std::string(200, 'x'));
  CHECK_THROWS_AS(cli::claim_model(folder / std::string(245, 'x')), Error);
}

TEST_CASE("log: only what is about the weights in the file is said of a model") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string a = folder / "a.safetensors", b = folder / "b.safetensors",
                    log = folder / "a.log.jsonl", other = folder / "b.log.jsonl";
  REQUIRE(run_program(training(folder, 2) + a).status == 0);
  REQUIRE(run_program(training(folder, 2) + b + " --seed 1").status == 0);
  const std::vector<std::string> own = lines_of(log);
  REQUIRE(own.size() == 3);
  const Json truth = report(a, folder);
  CHECK(truth["accuracy"] == Json::parse(own[2])["test_accuracy"]);
  CHECK(truth["seed"] == 0);

  // That of another training.
  write_lines(log, lines_of(other));
  CHECK(report(a, folder)["accuracy"].is_null());
  CHECK(report(a, folder)["command"].is_null());
  // One that is ahead of the model, as when the process is killed before the model is written.
  std::vector<std::string> ahead = own;
  ahead.push_back(lines_of(other)[2]);
  write_lines(log, ahead);
  CHECK(report(a, folder) == truth);
  // One that is behind.
  write_lines(log, {own[0], own[1]});
  CHECK(report(a, folder)["accuracy"].is_null());
  // One of before there were fingerprints.
  std::vector<std::string> older;
  for (const std::string& line : own) {
    Json json = Json::parse(line);
    json.erase("weights");
    older.push_back(json.dump());
  }
  write_lines(log, older);
  CHECK(report(a, folder) == truth);
}

TEST_CASE("log: a training goes on where its model stands, also where the log was ahead") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string a = folder / "a.safetensors", log = folder / "a.log.jsonl";
  REQUIRE(run_program(training(folder, 3) + a + " --stop-after 1").status == 0);
  std::vector<std::string> lines = lines_of(log);
  REQUIRE(lines.size() == 2);
  Json next = Json::parse(lines[1]);
  next["epoch"] = 2, next["weights"] = "0123456789abcdef", next["test_accuracy"] = 0.123;
  lines.push_back(next.dump());
  write_lines(log, lines);
  REQUIRE(
      run_program("train --resume " + a + " --data " + (folder / "data") + " --out " + a).status ==
      0);
  CHECK(content(log).find("0.123") == std::string::npos);
  CHECK(lines_of(log).size() == 5);  // the recipe, an epoch, going on, two more
}

TEST_CASE("command line: a limit of the files' size is one sentence, and the old file stays") {
  const TempDir folder;
  write_small_data(folder / "data");
  const std::string model = folder / "m.safetensors";
  REQUIRE(run_program(training(folder, 1) + model).status == 0);
  const std::string before = content(model), log = content(folder / "m.log.jsonl");
  const Outcome run = run_command("ulimit -f 40; " + program_path() + " " + training(folder, 1) +
                                  model + " --seed 3");
  CHECK(run.status == 1);
  CHECK(run.err.find("espalier: " + model + ": cannot write it: File too large") != run.err.npos);
  CHECK(content(model) == before);
  CHECK(content(folder / "m.log.jsonl") == log);
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 3);
  const Outcome table = run_command("ulimit -f 0; " + program_path() + " inspect " + model);
  CHECK(table.status == 1);
}

}  // namespace espalier::testing
