// The installed library: a user's program is compiled against nothing else, trains, prunes,
// compacts and saves; and what was installed leaves again.
#include <doctest/doctest.h>

#include <filesystem>

#include "core/file.h"
#include "tests/cli.h"

namespace espalier::testing {
namespace {

constexpr const char* kProgram = R"(#include <espalier.h>
#include <cstdio>
using namespace espalier;

int main() {
  auto data = datasets::shapes({.train = 256, .test = 64});
  auto model = layers::Model(layers::Sequential{{"conv", layers::Conv2d(3, 8, {.padding = 1})},
                                                {"relu", layers::ReLU()},
                                                {"pool", layers::GlobalAvgPool()},
                                                {"flatten", layers::Flatten()},
                                                {"fc", layers::Linear(8, 10)}}, {3, 32, 32});
  auto opt = optim::SGD(model, {.lr = 0.1, .momentum = 0.9});
  for (auto& batch : datasets::epochs(data.train, 2)) {
    cross_entropy(model(batch.images), batch.labels).backward();
    opt.step();
  }
  pruning::prune(model, {.structure = pruning::Filter}, 0.5);
  auto done = pruning::compact(model);
  std::printf("%d filters, %.0e\n", static_cast<int>(model.parameter("conv.weight").shape()[0]),
              done.max_error <= 1e-5 ? 1e-5 : done.max_error);
  layers::save(model, "small.safetensors");
}
)";

#if defined(__SANITIZE_ADDRESS__)
constexpr const char* kMore = " -fsanitize=address,undefined";
#else
constexpr const char* kMore = "";
#endif

// The same program without shared libraries, where there are archives of those it needs.
void check_static(const std::string& place, const std::string& prefix) {
  const std::string config = "PKG_CONFIG_PATH=" + prefix + "/lib/pkgconfig pkg-config ";
  const Outcome archive = run_command("for d in $(" + config +
                                      "--libs-only-L espalier); do ls ${d#-L}/libopenblas.a; done");
  if (archive.out.empty() || *kMore) {
    MESSAGE("static linking is not tested: " << (*kMore ? "sanitizers are shared libraries"
                                                        : "there is no libopenblas.a"));
    return;
  }
  const Outcome built = run_command("cd " + place + " && g++ -static -o alone program.cpp $(" +
                                    config + "--static --cflags --libs espalier)");
  REQUIRE_MESSAGE(built.status == 0, built.err);
  const Outcome run = run_command("cd " + place + " && ./alone");
  CHECK_MESSAGE(run.status == 0, run.err);
  CHECK(run.out == "4 filters, 1e-05\n");
}

}  // namespace

TEST_CASE("install: a program of a user's, by pkg-config alone") {
  const TempDir folder;
  const std::string place = folder.path().string(), prefix = place + "/usr";
  const Outcome installed = run_command("make install PREFIX=" + prefix);
  REQUIRE_MESSAGE(installed.status == 0, installed.err);
  write_file(folder / "program.cpp", kProgram);
  const std::string flags =
      "$(PKG_CONFIG_PATH=" + prefix + "/lib/pkgconfig pkg-config --cflags --libs espalier)";
  // Without -march: the public headers do not depend on what the library was compiled for.
  const Outcome built = run_command("cd " + place + " && g++ -Wall -Wextra -Werror" + kMore +
                                    " -o program program.cpp " + flags);
  REQUIRE_MESSAGE(built.status == 0, built.err);
  const Outcome run = run_command("cd " + place + " && ./program");
  CAPTURE(run.err);
  CHECK(run.status == 0);
  CHECK(run.out == "4 filters, 1e-05\n");
  check_static(place, prefix);
  // The installed program knows the file.
  const Outcome inspect =
      run_command(prefix + "/bin/espalier inspect " + place + "/small.safetensors --json");
  CHECK(inspect.status == 0);
  CHECK(inspect.json()["layers"].size() >= 5);

  REQUIRE(run_command("make uninstall PREFIX=" + prefix).status == 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(prefix))
    CHECK_MESSAGE(entry.is_directory(), entry.path().string());
}

}  // namespace espalier::testing
