// Files of the first version of the format (tests/fixtures/version1): a small network, residual
// blocks among it, as it was trained (dense), masked, with its weights in CSR, with fewer filters,
// and in the middle of a training. All but the last hold an input and the answer to it.
#include "core/autograd.h"
#include "examples/cli/checkpoint.h"
#include "tests/tempdir.h"
#include "tests/test_pruning_shrink.h"

namespace espalier::testing {
namespace {

const std::string kFolder = "tests/fixtures/version1/";

layers::ModelFile load(const std::string& name) {
  return layers::load_file(kFolder + name + ".safetensors");
}

std::int64_t in_csr(const layers::Model& model) {
  std::int64_t count = 0;
  for (const Parameter& p : model.parameters()) count += p.pattern() != nullptr;
  return count;
}

std::int64_t masked(const layers::Model& model) {
  std::int64_t count = 0;
  for (const Parameter& p : model.parameters()) count += p.mask() != nullptr;
  return count;
}

}  // namespace

TEST_CASE("version 1: networks of every kind load and answer as they did") {
  for (const char* name : {"dense", "masked", "csr", "shrunk"}) {
    CAPTURE(name);
    const layers::ModelFile file = load(name);
    CHECK(file.model.name() == "small");
    const Tensor input = file.tensors.at("input"), answer = evaluate(file.model, input);
    CHECK(difference(answer, file.tensors.at("output")) <= 1e-5);
    // And as what this version writes.
    const TempDir folder;
    layers::save(file.model, folder / "again");
    CHECK(evaluate(layers::load(folder / "again"), input).to_vector() == answer.to_vector());
  }
  CHECK(masked(load("dense").model) + in_csr(load("dense").model) == 0);
  CHECK(masked(load("masked").model) == 8);
  CHECK(in_csr(load("csr").model) == 8);
  CHECK(load("shrunk").model.origin() != nullptr);
  CHECK(load("shrunk").model.parameter("layer1.0.conv1.weight").size(0) == 3);
}

TEST_CASE("version 1: a training goes on where it was") {
  const cli::Checkpoint file = cli::load_checkpoint(kFolder + "interrupted.safetensors");
  REQUIRE(file.progress.has_value());
  CHECK(file.progress->epochs_done == 2);
  CHECK(file.progress->steps_done == 10);
  CHECK(file.progress->recipe.epochs == 4);
  CHECK(file.progress->data->train_images == 40);
  CHECK(file.input->classes.size() == 10);
  Parameter weight = file.model.parameter("layer1.1.conv2.weight");
  const std::vector<float> momentum = weight.states().at("momentum").to_vector();
  CHECK(std::any_of(momentum.begin(), momentum.end(), [](float v) { return v != 0; }));
  CHECK(file.model.buffers().size() == 10);
}

}  // namespace espalier::testing
