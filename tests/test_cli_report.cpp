// The command line: report, its page, its pictures and its JSON; and the pages of prune and run.
#include <cmath>
#include <set>

#include "core/text.h"
#include "layers/layers.h"
#include "pruning/pruning.h"
#include "tests/cli.h"
#include "tests/unprivileged.h"
#include "tests/xml.h"

namespace espalier::testing {
namespace {

layers::Model small_network(std::int64_t classes, const std::string& name = "tiny") {
  using namespace layers;
  return Model(Sequential{{"conv1", Conv2d(3, 8, {.stride = 4, .padding = 1})},
                          {"relu1", ReLU()},
                          {"flatten", Flatten()},
                          {"fc1", Linear(8 * 8 * 8, 12)},
                          {"relu2", ReLU()},
                          {"fc2", Linear(12, classes)}},
               {3, 32, 32}, 1, name);
}

// A dense network, one with masks, and the same compacted, in one folder with their data.
struct Files {
  TempDir folder;
  std::string data = folder / "data", dense = folder / "dense.safetensors",
              pruned = folder / "pruned.safetensors", small = folder / "compact.safetensors",
              all = dense + " " + pruned + " " + small;
  Files() {
    write_small_data(data);
    const Outcome made =
        run_program("train --model resnet20 --epochs 1 --batch 40 --lr 0.02 --seed 3 --data " +
                    data + " --out " + dense);
    REQUIRE_MESSAGE(made.status == 0, made.err);
    Outcome run = run_program("prune " + dense + " --data " + data +
                              " --structure filter --sparsity 0.5 --epochs 1 --batch 40 --out " +
                              pruned + " --json");
    REQUIRE_MESSAGE(run.status == 0, run.err);
    prune = run.json();
    run = run_program("compact " + pruned + " --out " + small);
    REQUIRE_MESSAGE(run.status == 0, run.err);
  }
  Json prune;
};

const Files& files() {
  static const Files once;
  return once;
}

// What every page has to be; returns it.
std::string sound_page(const std::string& path) {
  const std::string page = content(path), doctype = "<!DOCTYPE html>\n";
  CAPTURE(path);
  REQUIRE(page.starts_with(doctype));
  CHECK(page.size() < 2'000'000);
  CHECK(fault_of(page.substr(doctype.size())) == "");
  CHECK(count(page, "prefers-color-scheme:dark") >= 2);  // the page's own and the pictures'
  CHECK(count(page, "width=device-width") == 1);
  CHECK(count(page, "<script") == 0);
  CHECK(count(page, "<link") == 0);
  CHECK(count(page, "src=") == 0);
  CHECK(count(page, "url(") == 0);
  CHECK(count(page, "http") == count(page, "xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(count(page, "<h1>") == 1);
  CHECK(count(page, "role=\"img\" aria-label=\"") == count(page, "<svg "));
  CHECK(page.find(">nan") == page.npos);
  return page;
}

std::string two_digits(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", 100 * share);
  return text;
}

}  // namespace

TEST_CASE("command line: report has every figure of eval, the seeds and the commands") {
  const Files& f = files();
  const std::string out = f.folder / "page.html";
  const Outcome run =
      run_program("report " + f.all + " --data " + f.data + " --batch 8 --json --out " + out);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json json = run.json();
  CHECK(json["report"] == out);
  const std::string page = sound_page(out);
  REQUIRE(json["files"].size() == 3);
  const char* kinds[] = {"dense", "masked", "compact"};
  const std::string* paths[] = {&f.dense, &f.pruned, &f.small};
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(kinds[i]);
    const Json& file = json["files"][i];
    CHECK(file["kind"] == kinds[i]);
    const Json eval = run_program("eval " + *paths[i] + " --json --data " + f.data).json();
    for (const auto& [key, value] : eval.items()) CHECK(file[key] == value);
    for (const char* key : {"parameters", "nonzero", "macs", "macs_nonzero", "bytes", "memory"})
      CHECK(page.find(">" + with_commas(eval[key]) + "<") != page.npos);
    CHECK(page.find(">" + two_digits(eval["accuracy"]) + " ± " +
                    two_digits(eval["accuracy_deviation"]) + " %<") != page.npos);
    CHECK(file["inference_images_per_second"] > 0);
    CHECK(file["train_images_per_second"] > 0);
  }
  CHECK(json["files"][0]["seed"] == 3);
  CHECK(json["files"][0]["sparsity"] == 0);
  CHECK(json["files"][1]["accuracy_before_finetune"] == f.prune["accuracy_before_finetune"]);
  CHECK(json["files"][2]["sparsity"] == json["files"][1]["sparsity"]);
  CHECK(json["files"][2]["macs_run"] < json["files"][1]["macs_run"]);
  CHECK(page.find("<code>espalier train --model resnet20 --epochs 1") != page.npos);
  CHECK(page.find("<code>espalier compact ") != page.npos);

  // Each picture is a file of its own, too.
  std::set<std::string> names;
  for (const Json& path : json["pictures"]) {
    CAPTURE(path);
    CHECK(fault_of(content(path)) == "");
    names.insert(std::filesystem::path(path.get<std::string>()).filename().string());
  }
  CHECK(names.size() == json["pictures"].size());
  CHECK(count(page, "<svg ") == names.size());
  for (const char* name : {"accuracy.svg", "size.svg", "speed.svg", "sparsity.svg", "network.svg",
                           "filters-dense.svg", "filters-pruned.svg", "weights-fc.svg"})
    CHECK(names.count(name) == 1);
  CHECK(names.count("filters-compact.svg") == 0);  // the same as pruned's
  CHECK(count(content(f.folder / "page/filters-pruned.svg"), "class=\"lead\"") == 2 * 8);
}

TEST_CASE(
    "command line: report takes accuracies from the logs, and leaves the clock alone if told") {
  const Files& f = files();
  const std::string before = content(f.dense);
  const Outcome run = run_program("report " + f.dense + " " + f.pruned + " --no-bench --json");
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json json = run.json();
  CHECK(json["report"] == f.folder / "report.html");
  CHECK(json["files"][1]["accuracy"] == f.prune["accuracy"]);
  CHECK(json["files"][1]["accuracy_deviation"] == f.prune["accuracy_deviation"]);
  CHECK_FALSE(json["files"][1].contains("inference_images_per_second"));
  const std::string page = sound_page(f.folder / "report.html");
  CHECK(page.find("Time was not measured") != page.npos);
  CHECK(content(f.dense) == before);
  // Without --json, the path is the last line.
  const Outcome plain = run_program("report " + f.dense + " --no-bench");
  CHECK(plain.out == f.folder / "report.html" + "\n");
}

TEST_CASE("command line: prune writes a page beside its file, unless told not to") {
  const Files& f = files();
  CHECK(f.prune["report"] == f.folder / "pruned.report.html");
  const std::string page = sound_page(f.folder / "pruned.report.html");
  CHECK(page.find("of the weights gone") != page.npos);
  CHECK(page.find(two_digits(f.prune["accuracy_before_finetune"])) != page.npos);
  const std::string out = f.folder / "other.safetensors";
  const Outcome run = run_program("prune " + f.dense + " --data " + f.data +
                                  " --sparsity 0.5 --epochs 0 --no-report --json --out " + out);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK_FALSE(run.json().contains("report"));
  CHECK_FALSE(std::filesystem::exists(f.folder / "other.report.html"));
  // Its log says how it came about, though nothing was trained.
  const std::string log = content(f.folder / "other.log.jsonl");
  CHECK(lines(log) == 2);
  CHECK(log.find("\"command\":\"espalier prune ") != log.npos);
}

TEST_CASE("command line: report of networks from elsewhere, of any shape and name") {
  const TempDir folder;
  const std::string hostile = "<script>alert(1)</script>&\"";
  const std::string path = folder / "a&<b>.safetensors", grey = folder / "grey.safetensors",
                    linear = folder / "linear.safetensors", wide = folder / "wide.safetensors";
  const layers::Model network = small_network(10, hostile);
  Parameter weight = network.parameter("fc1.weight");
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(weight.numel()), 0);
  mask[0] = 1;
  weight.set_mask(mask);
  layers::save(network, path);
  layers::save(layers::LeNet5(), grey);
  layers::save(layers::LeNet300(), linear);
  using namespace layers;
  layers::save(Model(Sequential{{"fc", Linear(5, 3)}}, {5}), wide);
  const std::string out = folder / "r.html";
  const Outcome run = run_program("report '" + path + "' " + grey + " " + linear + " " + wide +
                                  " --no-bench --json --out " + out);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json json = run.json();
  CHECK(json["files"][0]["accuracy"].is_null());
  CHECK(json["files"][0]["command"].is_null());
  CHECK(json["files"][0]["name"] == "a&<b>");
  const std::string page = sound_page(out);
  CHECK(page.find("not recorded") != page.npos);
  for (const std::string& one : {path, grey, linear, wide}) {
    CAPTURE(one);
    const Outcome alone = run_program("report '" + one + "' --no-bench --json --out " + out);
    REQUIRE_MESSAGE(alone.status == 0, alone.err);
    sound_page(out);
  }
}

TEST_CASE("command line: report used wrongly is one sentence, and writes nothing") {
  const Files& f = files();
  const TempDir folder;
  const std::string none = folder / "none.safetensors", out = folder / "r.html";
  expect_error("report", 2, "files");
  expect_error("report " + none + " --out " + out, 1, "none.safetensors");
  expect_error("report " + f.dense + " " + none + " --out " + out, 1, "none.safetensors");
  expect_error("report " + f.dense + " --out " + (folder / "no/r.html"), 1, "no/r.html");
  expect_error("report " + f.dense + " --out page.pdf", 2, "--out: found page.pdf, expected");
  expect_error("report " + f.dense + " --batch 0 --out " + out, 2, "--batch: found 0, expected");
  std::ofstream(folder / "r") << "in the way";
  expect_error("report " + f.dense + " --no-bench --out " + out, 1,
               "expected one for the pictures");
  CHECK(!std::filesystem::exists(out));
}

TEST_CASE("command line: run ends with the path of its report") {
  const Files& f = files();
  const TempDir folder;
  const std::string out = folder / "story";
  const std::string arguments = "run --epochs 1 --batch 40 --data " + f.data + " --out " + out;
  const Outcome run = run_program(arguments);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.out.ends_with("\n" + out + "/report.html\n"));
  const std::string page = sound_page(out + "/report.html");
  CHECK(page.find("<code>espalier " + arguments + "</code>") != page.npos);
  CHECK(page.find("<title>Espalier: 90 % of the weights gone, ") != page.npos);
}

}  // namespace espalier::testing
