// The README's diffs: each is short, applies to the sources as they are, compiles, and adds what it
// says.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/file.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

namespace fs = std::filesystem;

// A program that uses all that the diffs add.
constexpr const char* kProgram = R"(#include <espalier.h>
#include <array>
#include <cstdio>
using namespace espalier;

int main(int, char** argv) try {
  auto tanh = layers::make_layer("Tanh", layers::Config());
  std::printf("%.4f\n", static_cast<double>(tanh->forward(Tensor::full({1}, 2)).item()));

  layers::Model net(layers::Sequential{{"fc1", layers::Linear(2, 2)},
                                       {"relu", layers::ReLU()},
                                       {"fc2", layers::Linear(2, 2)}}, {2});
  net.parameter("fc1.weight").copy_from(Tensor::from({2, 2}, std::array{1.f, -4.f, 3.f, 3.f}));
  for (const char* name : {"magnitude", "largest"}) {
    auto copy = net.clone();
    pruning::prune(copy, {.structure = pruning::Neuron, .criterion = pruning::criterion(name)},
                   0.5);
    std::printf("%g\n", static_cast<double>(copy.parameter("fc1.weight").data()[0]));
  }

  const auto data = datasets::open(argv[1]);
  const datasets::Dataset& train = data.train;
  std::printf("%s %d %d %d\n", data.name.c_str(), train.labels[1], train.picture(1)[1],
              train.picture(1)[96]);
} catch (const Error& error) {
  std::printf("%s\n", error.what());
}
)";

std::vector<std::string> diffs(const std::string& text) {
  const std::string open = "```diff\n", close = "```";
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find(open, at)) != text.npos;) {
    at += open.size();
    const std::size_t end = text.find(close, at);
    found.push_back(text.substr(at, end - at));
    at = end;
  }
  return found;
}

// A data set of two pictures in which every pixel says which column it is in.
void write_stl10(const std::string& folder) {
  std::string pixels, labels = "\x01\x0a";
  for (int plane = 0; plane < 6; ++plane)
    for (int i = 0; i < 96 * 96; ++i) pixels += static_cast<char>(i / 96);
  for (const std::string set : {"train", "test"}) {
    write_file(folder + "/" + set + "_X.bin", pixels);
    write_file(folder + "/" + set + "_y.bin", labels);
  }
}

// What the Makefile builds with.
std::string setting(const char* name) {
  const char* value = std::getenv(name);
  REQUIRE_MESSAGE(value, name, " is not set: start the tests by make test");
  return value;
}

}  // namespace

TEST_CASE("README: diffs apply, compile and add what they say") {
  const TempDir folder;
  const std::string place = folder.path().string();
  for (const char* part : {"core", "layers", "optim", "pruning", "datasets", "examples"})
    fs::copy(part, folder / part, fs::copy_options::recursive);
  std::set<std::string> sources;
  const std::vector<std::string> all = diffs(content("README.md"));
  CHECK(all.size() == 3);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string file = "d" + std::to_string(i) + ".diff";
    write_file(folder / file, all[i]);
    int changed = 0;
    std::istringstream text(all[i]);
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("+++ b/") && line.ends_with(".cpp")) sources.insert(line.substr(6));
      changed += (line[0] == '+' || line[0] == '-') && !line.starts_with("+++ ") &&
                 !line.starts_with("--- ");
    }
    CHECK(changed < 30);
    const Outcome applied = run_command("cd " + place + " && git apply " + file);
    REQUIRE_MESSAGE(applied.status == 0, applied.err);
  }

  write_stl10(place);
  write_file(folder / "program.cpp", kProgram);
  std::string command =
      "cd " + place + " && " + setting("ESPALIER_CXX") + " -O0 -o program program.cpp";
  for (const std::string& source : sources) command += " " + source;
  const Outcome built = run_command(command + " " + setting("ESPALIER_LIBS"));
  REQUIRE_MESSAGE(built.status == 0, built.err);
  const Outcome run = run_command(place + "/program " + place);
  CAPTURE(run.err);
  CHECK(run.out == "0.9640\n0\n1\nSTL-10 9 1 0\n");
}

}  // namespace espalier::testing
