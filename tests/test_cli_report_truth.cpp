// The command line: a report says of each file what is true of that file, and no more.
#include <algorithm>
#include <cstdio>
#include <set>

#include "examples/cli/report_charts.h"
#include "layers/layers.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

layers::Model network(std::int64_t filters, std::int64_t hidden) {
  using namespace layers;
  return Model(Sequential{{"conv1", Conv2d(3, filters, {.stride = 4, .padding = 1})},
                          {"relu1", ReLU()},
                          {"flatten", Flatten()},
                          {"fc1", Linear(filters * 8 * 8, hidden)},
                          {"relu2", ReLU()},
                          {"fc2", Linear(hidden, 10)}},
               {3, 32, 32}, 1, "tiny");
}

Json report(const std::string& arguments) {
  const Outcome run = run_program("report " + arguments + " --no-bench --json");
  REQUIRE_MESSAGE(run.status == 0, run.err);
  return run.json();
}

std::string row_of(const std::string& page, const std::string& name) {
  const std::size_t at = page.find("<th scope=\"row\">" + name + "</th>");
  REQUIRE(at != page.npos);
  return page.substr(at, page.find("</tr>", at) - at);
}

std::string percent_of(const Json& share) {
  char text[32];
  std::snprintf(text, sizeof text, ">%.2f ", 100 * share.get<double>());
  return text;
}

}  // namespace

TEST_CASE("report: a network that was pruned in place is shown with its own accuracy") {
  const TempDir folder;
  const std::string data = folder / "data", file = folder / "net.safetensors";
  write_small_data(data);
  REQUIRE(run_program("train --model convnet --epochs 4 --batch 20 --lr 0.02 --data " + data +
                      " --out " + file)
              .status == 0);
  const Outcome run = run_program("prune " + file + " --sparsity 0.99 --epochs 0 --json --data " +
                                  data + " --out " + file);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Json json = run.json();
  const std::string page = content(folder / "net.report.html");
  CHECK(row_of(page, "Accuracy").find(percent_of(json["accuracy"])) != page.npos);
  // On few pictures both networks may have the same accuracy, but not the same loss.
  char loss[32];
  std::snprintf(loss, sizeof loss, ">%.4f<", json["loss"].get<double>());
  CHECK(row_of(page, "Loss").find(loss) != page.npos);
}

TEST_CASE("report: another network is not taken for one with parts gone") {
  const TempDir folder;
  const std::string small = folder / "small.safetensors", large = folder / "large.safetensors",
                    out = folder / "r.html";
  layers::save(network(4, 12), small);
  layers::save(network(8, 20), large);
  for (const std::string& files : {small + " " + large, large + " " + small}) {
    CAPTURE(files);
    const Json json = report(files + " --out " + out);
    for (const Json& file : json["files"]) CHECK(file["sparsity"] == 0);
    std::set<std::string> names;
    for (const Json& path : json["pictures"])
      names.insert(std::filesystem::path(path.get<std::string>()).filename().string());
    CHECK(names.count("sparsity.svg") == 0);
    CHECK(names.count("network.svg") == 1);
  }
  cli::ReportFile first, other;
  first.layers = other.layers = {{"conv1", 100, 100, 10, 10}};
  CHECK(cli::same_network(first, other));
  other.layers[0].weights_left = other.layers[0].units_left = 5;
  CHECK(cli::same_network(first, other));
  other.layers[0].weights = 90;
  CHECK(!cli::same_network(first, other));
}

TEST_CASE("report: what is just pruned stands where the schedule was done") {
  const TempDir folder;
  const std::string data = folder / "data", dense = folder / "dense.safetensors",
                    pruned = folder / "pruned.safetensors";
  write_small_data(data);
  const std::string by = " --batch 20 --lr 0.02 --data " + data;
  REQUIRE(run_program("train --model lenet5 --epochs 3" + by + " --out " + dense).status == 0);
  const std::string prune = "prune " + dense + by + " --epochs 4 --sparsity 0.9 --no-report --out ";
  REQUIRE(run_program(prune + pruned + " --schedule cubic --pruning-epochs 2").status == 0);
  REQUIRE(run_program(prune + (folder / "once.safetensors")).status == 0);
  const cli::LogFacts gradual = cli::read_log(pruned, cli::load_checkpoint(pruned)),
                      once = cli::read_log(folder / "once.safetensors",
                                           cli::load_checkpoint(folder / "once.safetensors"));
  REQUIRE(gradual.before_epochs);
  CHECK(*gradual.before_epochs == doctest::Approx(2).epsilon(0.15));
  REQUIRE(once.before_epochs);
  CHECK(*once.before_epochs == 0);

  const cli::ReportFacts facts = cli::collect_facts({dense, pruned}, {});
  const auto series = cli::accuracy_series(facts);
  REQUIRE(series.size() == 2);
  CHECK(series[0].points.size() == 3);
  const auto& points = series[1].points;
  REQUIRE(points.size() == 6);  // the dense network, just pruned, and four epochs
  CHECK(points[0].x == 3);
  CHECK(points[0].y == series[0].points[2].y);
  CHECK(std::is_sorted(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.x < b.x; }));
  const double place = 3 + *gradual.before_epochs;
  CHECK(std::any_of(points.begin(), points.end(), [&](const auto& point) {
    return point.x == place && point.y == *gradual.before_finetune;
  }));
  CHECK(points[5].x == 7);
}

TEST_CASE("report: --data names the data it evaluated on") {
  const TempDir folder;
  const std::string data = folder / "data", file = folder / "net.safetensors",
                    other = folder / "other", out = folder / "r.html";
  write_small_data(data);
  REQUIRE(run_program("train --model lenet5 --epochs 1 --batch 20 --lr 0.02 --data " + data +
                      " --out " + file)
              .status == 0);
  const std::string trained = cli::read_log(file, cli::load_checkpoint(file)).data;
  CHECK(report(file + " --out " + out)["files"][0]["evaluated_on"] == trained);
  CHECK(row_of(content(out), "Evaluated on").find(">" + trained + "<") != std::string::npos);
  CHECK(content(out).find("the other accuracies on this page") == std::string::npos);
  datasets::write_shapes(other, {.train = 20, .test = 10, .seed = 5});  // of the same classes
  const Json json = report(file + " --data " + other + " --out " + out);
  CHECK(json["files"][0]["evaluated_on"] == "other");
  CHECK(json["files"][0]["images"] == 10);
  const std::string page = content(out);
  CHECK(row_of(page, "Trained on").find(">" + trained + "<") != page.npos);
  CHECK(row_of(page, "Evaluated on").find(">other<") != page.npos);
  CHECK(page.find(", evaluated on other: ") != page.npos);
  CHECK(page.find("the other accuracies on this page are of other.") != page.npos);
}

TEST_CASE("report: pictures whose names would be one keep files of their own") {
  const TempDir folder;
  std::string files;
  std::uint64_t seed = 0;
  for (const char* name : {"a b", "a-b", "вода", "сеть"}) {
    const layers::Model model = network(4, 12);
    model.initialize(++seed);
    layers::save(model, folder / (std::string(name) + ".safetensors"));
    files += "'" + (folder / (std::string(name) + ".safetensors")) + "' ";
  }
  const Json json = report(files + "--out " + (folder / "r.html"));
  std::set<std::string> paths;
  int filters = 0;
  for (const std::string path : json["pictures"]) {
    CHECK(paths.insert(path).second);
    CHECK(std::filesystem::exists(path));
    filters += path.find("/filters-") != path.npos;
  }
  CHECK(filters == 4);
}

TEST_CASE("report: a network that is not there is named before the page that would be written") {
  const TempDir folder;
  const std::string none = folder / "no/net.safetensors";
  expect_error("report " + none, 1, none);
}

}  // namespace espalier::testing
