// The command line: sensitivity, its table, its JSON and its picture.
#include "layers/layers.h"
#include "tests/cli.h"
#include "tests/xml.h"

namespace espalier::testing {
namespace {

// Data, and a small network that tells its classes apart by chance alone.
struct Setting {
  TempDir folder;
  std::string data = folder / "data", model = folder / "m.safetensors", svg = folder / "p.svg";
  Setting() {
    using namespace layers;
    write_small_data(data);
    const auto classes = static_cast<std::int64_t>(datasets::open(data).train.classes.size());
    save(Model(Sequential{{"conv1", Conv2d(3, 4, {.stride = 4, .padding = 1})},
                          {"bn1", BatchNorm(4)},
                          {"relu1", ReLU()},
                          {"conv2", Conv2d(4, 4, {.padding = 1})},
                          {"relu2", ReLU()},
                          {"flatten", Flatten()},
                          {"fc1", Linear(4 * 8 * 8, 6)},
                          {"relu3", ReLU()},
                          {"fc2", Linear(6, classes)}},
               {3, 32, 32}, 1),
         model);
  }
  std::string arguments(const std::string& more = "") const {
    return "sensitivity " + model + " --data " + data + " --out " + svg + " " + more;
  }
};

const Setting& setting() {
  static const Setting once;
  return once;
}

}  // namespace

TEST_CASE("command line: sensitivity gives every group its points, and a picture") {
  const Setting& s = setting();
  const std::string model_before = content(s.model);
  const Outcome run = run_program(s.arguments("--sparsities 0,0.5,0.9 --share 0.5 --json"));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(lines(run.out) == 1);
  const Json json = run.json();
  CHECK(json["structure"] == "filter");
  CHECK(json["criterion"] == "magnitude");
  CHECK(json["images"] == 40);  // half of the training pictures; never the test pictures
  CHECK(json["picture"] == s.svg);
  REQUIRE(json["groups"].size() == 2);
  CHECK(json["groups"][0]["name"] == "conv1");
  CHECK(json["groups"][1]["sets"] == 4);
  const double achieved[] = {0, 0.5, 0.75};  // one of four has to stay
  for (const Json& group : json["groups"]) {
    REQUIRE(group["points"].size() == 3);
    for (int i = 0; i < 3; ++i) {
      CHECK(group["points"][i]["sparsity"] == achieved[i]);
      CHECK(group["points"][i]["accuracy"] >= 0);
      CHECK(group["points"][i]["accuracy"] <= 1);
    }
    CHECK(group["points"][2]["asked"] == 0.9);
    CHECK(group["points"][0]["accuracy"] == json["accuracy"]);
  }
  CHECK(run.err.find("nearest") != run.err.npos);
  CHECK(content(s.model) == model_before);

  const std::string picture = content(s.svg);
  CHECK(fault_of(picture) == "");
  CHECK(count(picture, "<path ") == 2);
  CHECK(picture.find(">conv2</text>") != picture.npos);
  CHECK(picture.find("prefers-color-scheme:dark") != picture.npos);
}

TEST_CASE("command line: sensitivity measures the same twice, on as many pictures as told") {
  const Setting& s = setting();
  const std::string arguments = s.arguments(
      "--structure neuron --criterion taylor --sparsities 0.5 --share 0.5 --images 20 --json");
  const Outcome run = run_program(arguments), again = run_program(arguments + " --threads 1");
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.json()["images"] == 20);
  CHECK(run.json()["groups"][0]["name"] == "fc1");
  CHECK(run.out == again.out);
}

TEST_CASE("command line: sensitivity of layers and patterns has one point each") {
  const Setting& s = setting();
  Outcome run = run_program(s.arguments("--structure layer --share 0.5 --json"));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK_FALSE(run.json().contains("criterion"));
  REQUIRE(run.json()["groups"].size() == 1);  // conv2 alone keeps its shape
  CHECK(run.json()["groups"][0]["name"] == "conv2");
  CHECK(fault_of(content(s.svg)) == "");
  run = run_program(s.arguments("--structure n:m --share 0.5"));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(run.out.find("50 %") != run.out.npos);
  CHECK(count(content(s.svg), "<circle ") == 4);
}

TEST_CASE("command line: sensitivity used wrongly is one sentence") {
  const Setting& s = setting();
  std::filesystem::remove(s.svg);
  expect_error("sensitivity", 2, "file");
  expect_error(s.arguments("--sparsities 0.5,1"), 2,
               "--sparsities: found 1, expected at least 0 and below 1");
  expect_error(s.arguments("--sparsities nan"), 2, "--sparsities: found nan, expected");
  expect_error(s.arguments("--share 1"), 2, "--share: found 1, expected");
  expect_error(s.arguments("--images -1"), 2, "--images: found -1, expected");
  expect_error(s.arguments("--structure layer --criterion taylor"), 2, "--criterion: found taylor");
  expect_error("sensitivity " + s.model + " --out p.png", 2, "--out");
  expect_error(s.arguments("--structure wing"), 2, "structure: found 'wing', expected weight");
  expect_error(s.arguments("--criterion taste"), 2, "criterion: found 'taste', expected one of");
  expect_error(s.arguments("--structure neuron --criterion bn-scale"), 1, "bn-scale");
  expect_error(s.arguments("--share 0.001"), 1, "split_validation: the share 0.001");
  expect_error("sensitivity " + (s.folder / "none.st"), 1, "none.st");
  expect_error(
      "sensitivity " + s.model + " --data " + s.data + " --out " + (s.folder / "none/p.svg"), 1,
      "none/p.svg");
  CHECK(!std::filesystem::exists(s.svg));
}

}  // namespace espalier::testing
