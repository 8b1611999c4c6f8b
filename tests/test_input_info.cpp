// What a model file says of its inputs: there and back, broken, and from a user's program to the
// command line.
#include "core/error.h"
#include "datasets/datasets.h"
#include "layers/layers.h"
#include "pruning/pruning.h"
#include "tests/cli.h"

namespace espalier::testing {

TEST_CASE("input info: survives as metadata of a model file") {
  const TempDir folder;
  const datasets::InputInfo info{"mine", {{0.25f, 0.5f}, {0.1f, 2}}, {"cat", "\"dog\""}};
  const layers::Model model(layers::Sequential{{"fc", layers::Linear(8, 2)}}, {8});
  const std::string path = folder / "m.safetensors";
  layers::save(model, path, {.metadata = datasets::metadata(info)});
  const auto found = datasets::input_info(layers::load_file(path).metadata, path);
  REQUIRE(found.has_value());
  CHECK(found->data == info.data);
  CHECK(found->normalisation.mean == info.normalisation.mean);
  CHECK(found->normalisation.std == info.normalisation.std);
  CHECK(found->classes == info.classes);
  const auto latin = datasets::metadata({"d\xe9", info.normalisation, {"caf\xe9"}});
  CHECK(datasets::input_info(latin, path)->classes == std::vector<std::string>{"caf\ufffd"});
  CHECK_FALSE(datasets::input_info({{"other", "{}"}}, path).has_value());
}

TEST_CASE("input info: what is broken is one sentence that names the file") {
  const std::pair<const char*, const char*> cases[] = {
      {"[1]", "f: found metadata espalier.input that is no JSON object"},
      {"{", "that is no JSON object"},
      {R"({"data": 1, "mean": [0], "std": [1], "classes": []})", "that cannot be read"},
      {R"({"data": "d", "mean": [0], "std": [1]})", "that cannot be read"},
      {R"({"data": "d", "mean": [0, 0], "std": [1], "classes": []})", "found 2 means and 1"},
      {R"({"data": "d", "mean": [0], "std": [0], "classes": []})", "standard deviation 0"},
      {R"({"data": "d", "mean": [0], "std": [1], "classes": ["a\n"]})", "has control characters"},
      {R"({"data": "d", "mean": [1e99], "std": [1], "classes": []})", "expected finite ones"},
  };
  for (const auto& [text, part] : cases) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(datasets::input_info({{"espalier.input", text}}, "f"),
                         doctest::Contains(part), Error);
  }
}

TEST_CASE("command line: predict takes a user's own file that says what its inputs are") {
  const TempDir folder;
  const datasets::Data data = datasets::shapes({.train = 20, .test = 10});
  const layers::Model model = layers::ConvNet(10);
  pruning::prune(model, {.structure = pruning::Filter}, 0.5);
  CHECK(pruning::compact(model).table().starts_with("conv1: 16 of 32 filters\n"));
  const std::string picture = folder / "p.png", path = folder / "m.safetensors";
  datasets::write_picture(picture, data.test, 0);
  layers::save(model, path);
  expect_error("predict " + path + " " + picture, 1, "datasets::metadata()");
  layers::save(model, path, {.metadata = datasets::metadata(datasets::input_info(data))});
  const Outcome run = run_program("predict " + path + " " + picture);
  REQUIRE_MESSAGE(run.status == 0, run.err);
  CHECK(lines(run.out) == 6);  // the file and the five likeliest
}

}  // namespace espalier::testing
