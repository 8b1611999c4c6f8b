// The command line: every command accepts and refuses the same models and the same data with them.
#include <cmath>
#include <limits>
#include <list>

#include "core/file.h"
#include "core/safetensors.h"
#include "layers/layers.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

// A trained network and data that fit it, made once for all tests here.
struct Trained {
  TempDir folder;
  std::string data = folder / "data", model = folder / "m.safetensors", image = folder / "a.png";
  Trained() {
    write_small_data(data);
    datasets::write_picture(image, std::vector<std::uint8_t>(3 * 32 * 32, 200), 3, 32, 32);
    const Outcome run = run_program("train --model lenet5 --epochs 1 --batch 40 --data " + data +
                                    " --out " + model);
    REQUIRE_MESSAGE(run.status == 0, run.err);
  }
};

const Trained& trained() {
  static const Trained once;
  return once;
}

// Every command that takes a model, on this one.
std::vector<std::string> commands(const std::string& model, const TempDir& out) {
  return {"eval " + model,
          "sensitivity " + model + " --sparsities 0.5 --images 4 --out " + (out / "s.svg"),
          "prune " + model + " --sparsity 0.5 --epochs 0 --no-report --out " + (out / "p.st"),
          "report " + model + " --no-bench --out " + (out / "r.html"),
          "compact " + model + " --out " + (out / "c.st"),
          "bench " + model + " --batch 1 --windows 1",
          "predict " + model + " " + trained().image,
          "inspect " + model};
}

Outcome succeed(const std::string& arguments) {
  const Outcome run = run_program(arguments);
  REQUIRE_MESSAGE(run.status == 0, arguments << "\n" << run.err);
  return run;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

// The tensors of a model as PyTorch saves them: without topology, in another precision, with names
// as `rename` makes them.
void write_state_dict(const layers::Model& model, const std::string& path,
                      const std::function<std::string(std::string)>& rename) {
  struct Collect : layers::StateVisitor {
    void parameter(const std::string& name, Parameter& p, const Shape&) override {
      floats[name] = p;
    }
    void buffer(const std::string& name, Tensor& t, const Shape&) override { floats[name] = t; }
    void counter(const std::string& name, std::int64_t&) override { counters.push_back(name); }
    std::map<std::string, Tensor> floats;
    std::vector<std::string> counters;
  } found;
  layers::visit_state(model, found);
  SafeTensorsWriter file;
  std::list<std::vector<double>> doubles;
  const std::int64_t count = 7;
  for (const auto& [name, tensor] : found.floats) {
    const std::vector<float> values = tensor.to_vector();
    doubles.emplace_back(values.begin(), values.end());
    file.add(rename(name), DType::F64, tensor.shape().sizes(),
             std::as_bytes(std::span(doubles.back())));
  }
  for (const std::string& name : found.counters)
    file.add(rename(name), DType::I64, {}, std::as_bytes(std::span(&count, 1)));
  file.write(path);
}

std::string as_data_parallel(std::string name) {
  if (const std::size_t at = name.find("shortcut"); at != name.npos)
    name.replace(at, std::string("shortcut").size(), "downsample");
  return "_orig_mod.module." + name;
}

}  // namespace

TEST_CASE("command line: no command uses data that a network was not trained on") {
  const Trained& t = trained();
  const TempDir out;
  const std::string others = out / "others";
  write_class_folders(others, {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  for (const std::string& command : commands(t.model, out))
    expect_error(command + " --data " + others, 1,
                 t.model +
                     ": found a network trained on data, whose class 0 is circle, expected a as "
                     "in others");
  // Without --data the set is generated, and has classes of its own.
  const std::string model = out / "letters.safetensors";
  succeed("train --model lenet5 --epochs 1 --data " + others + " --out " + model);
  const std::string part = "whose class 0 is a, expected circle";
  expect_error("eval " + model, 1, part);
  expect_error("sensitivity " + model, 1, part);
  expect_error("prune " + model + " --sparsity 0.5 --out " + (out / "p"), 1, part);

  const std::string five = out / "five.safetensors";
  layers::save(layers::LeNet5(5, 0, {3, 32, 32}), five);
  for (const std::string& command : commands(five, out))
    expect_error(command + " --data " + t.data, 1, "found a network for 5 classes, expected 10");
  layers::save(layers::LeNet5(10, 0, {3, 28, 28}), five);
  for (const std::string& command : commands(five, out))
    expect_error(command + " --data " + t.data, 1, "found a network for inputs of [3, 28, 28]");
}

TEST_CASE("command line: weights that are not finite are refused, and shown with a warning") {
  const Trained& t = trained();
  const TempDir out;
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    const std::string file = out / "bad.safetensors";
    layers::ModelFile bad = layers::load_file(t.model);
    bad.model.parameter("conv2.weight").mutable_data()[3] = value;
    layers::save(bad.model, file, {.metadata = bad.metadata});
    const std::string part = file + ": tensor conv2.weight: found a value that is not finite";
    for (const std::string& command : commands(file, out)) {
      CAPTURE(command);
      if (!command.starts_with("inspect")) {
        expect_error(command + " --data " + t.data, 1, part);
        continue;
      }
      const Outcome run = succeed(command);
      CHECK(contains(run.err, "warning: " + part));
      CHECK(contains(run.out, "conv2"));
    }
  }
}

TEST_CASE("command line: a file without normalization takes that of the training images") {
  const Trained& t = trained();
  const TempDir out;
  const std::string bare = out / "bare.safetensors";
  layers::save(layers::load(t.model), bare);
  const std::string data = " --json --data " + t.data;
  CHECK(succeed("eval " + bare + data).json()["accuracy"] ==
        succeed("eval " + t.model + data).json()["accuracy"]);
  CHECK(succeed("predict " + bare + " " + t.image + data).json() ==
        succeed("predict " + t.model + " " + t.image + data).json());
  succeed("prune " + bare + " --sparsity 0.5 --epochs 0 --no-report --out " + (out / "p") + data);
  CHECK(succeed("predict " + (out / "p") + " " + t.image + " --json")
            .json()["predictions"][0]["class"]
            .is_string());
  // The generated set would not be told from the right one.
  expect_error("eval " + bare, 1, "expected --data with the folder");
}

TEST_CASE("command line: every command reads the weights of a built-in model from PyTorch") {
  const Trained& t = trained();
  const TempDir out;
  const layers::Model model = layers::LeNet5(10, 3, {3, 32, 32});
  const std::string own = out / "own.safetensors", weights = out / "weights.safetensors";
  layers::save(model, own);
  write_state_dict(model, weights, as_data_parallel);
  const std::string data = " --data " + t.data, named = " --model lenet5";
  for (const std::string& command : commands(weights, out)) {
    expect_error(command + data, 1,
                 weights +
                     ": found no topology, expected a file that Espalier wrote, or --model with "
                     "the name of the built-in model whose weights it holds");
    succeed(command + named + data);
  }
  const auto loss = [&](const std::string& file) {
    return succeed("eval " + file + data + " --json").json()["loss"];
  };
  CHECK(loss(weights + named) == loss(own));
  CHECK(succeed("compact " + weights + named + data + " --json --out " + (out / "c"))
            .json()["parameters"] == succeed("inspect " + own + " --json").json()["parameters"]);

  // What prune writes is whole.
  const std::string pruned = out / "pruned.safetensors";
  succeed("prune " + weights + named + data + " --sparsity 0.5 --epochs 1 --out " + pruned);
  CHECK(contains(content(out / "pruned.report.html"), "weights"));
  const Json json = succeed("eval " + pruned + data + " --json").json();
  CHECK(json["nonzero"] < json["parameters"]);
  for (const std::string& command : commands(pruned, out)) succeed(command + data);
  expect_error("eval " + pruned + data + " --model vgg16", 1,
               pruned + ": found a network named 'lenet5', expected vgg16 as --model says");

  // Names that differ, and images of the usual size where none are given.
  const layers::Model residual = layers::ResNet20(10, 3);
  layers::save(residual, own);
  write_state_dict(residual, weights, as_data_parallel);
  CHECK(loss(weights + " --model resnet20") == loss(own));
  for (const char* command : {"inspect ", "bench --batch 1 --windows 1 "})
    succeed(command + weights + " --model resnet20");
}

TEST_CASE("command line: weights of another network are named tensor by tensor") {
  const Trained& t = trained();
  const TempDir out;
  const std::string weights = out / "w.safetensors", data = " --data " + t.data;
  write_state_dict(layers::ResNet20(), weights, [](const std::string& name) {
    return name.starts_with("fc.") ? "linear." + name.substr(3) : name;
  });
  expect_error("eval " + weights + data + " --model resnet20", 1,
               weights +
                   ": found no tensor \"fc.weight\" and 1 more among its 128, but \"linear.bias\" "
                   "and 1 more that the model has not, expected the tensors of resnet20");
  const auto same = [](const std::string& name) { return name; };
  write_state_dict(layers::ConvNet(10, 0, {3, 28, 28}), weights, same);
  expect_error("inspect " + weights + " --model convnet", 1,
               "(--model convnet for images of [3, 32, 32]; --data names others)");
  write_state_dict(layers::ConvNet(10, 0, {1, 32, 32}), weights, same);
  expect_error("eval " + weights + data + " --model convnet", 1,
               "found a network for inputs of [1, 32, 32], expected [3, 32, 32]");
  write_state_dict(layers::ConvNet(7), weights, same);
  expect_error("eval " + weights + data + " --model convnet", 1,
               "found a network for 7 classes, expected 10");
  succeed("inspect " + weights + " --model convnet");
}

TEST_CASE("command line: what a sparsity is of is said, and may be chosen") {
  const Trained& t = trained();
  const TempDir out;
  const std::string half = out / "half.safetensors", data = " --data " + t.data,
                    fixed = " --epochs 0 --no-report --scope global --json" + data;
  succeed("prune " + t.model + fixed +
          " --structure filter --sparsity 0.5 --compact-after 0 --out " + half);
  const Json inspect = succeed("inspect " + half + " --json").json();
  CHECK(inspect["kind"] == "compact");
  CHECK(inspect["weights_original"] ==
        succeed("inspect " + t.model + " --json").json()["weights_original"]);
  CHECK(inspect["weights_nonzero"] < inspect["weights_original"]);

  const Outcome original =
      succeed("prune " + half + fixed + " --sparsity 0.9 --out " + (out / "a"));
  const Json a = original.json();
  CHECK(a["sparsity"].get<double>() == doctest::Approx(0.9).epsilon(1e-3));
  CHECK(a["sparsity_of_file"] < a["sparsity"]);
  CHECK(contains(original.err, "compact, "));
  CHECK_FALSE(contains(original.err, "dense: test"));
  CHECK(contains(original.err, "sparsity 90.00 % of the original network's "));
  CHECK(contains(original.err, " in the file"));

  const Json b = succeed("prune " + half + fixed + " --sparsity 0.5 --relative-to current --out " +
                         (out / "b"))
                     .json();
  CHECK(b["sparsity_of_file"].get<double>() == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(b["sparsity"].get<double>() ==
        doctest::Approx(1 - 0.5 * (1 - b["sparsity_before"].get<double>())).epsilon(1e-3));
  expect_error(
      "prune " + half + data + " --structure n:m --relative-to current --out " + (out / "c"), 2,
      "--relative-to: found current, expected original where");

  const Json groups =
      succeed("sensitivity " + half + data + " --sparsities 0.9 --json --out " + (out / "s.svg"))
          .json()["groups"];
  CHECK(groups[0]["sets"] == 20);  // of the original network
  CHECK(groups[0]["before"] > 0);
}

}  // namespace espalier::testing
