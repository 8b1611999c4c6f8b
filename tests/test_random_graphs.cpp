// 500 networks wired at random, pruned at random: compaction changes neither outputs nor gradients,
// and files come back to the bit.
#include "core/error.h"
#include "core/ops/loss.h"
#include "tests/random_graph.h"
#include "tests/tempdir.h"
#include "tests/test_pruning_shrink.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;
using pruning::Examples;
using pruning::Structure;

namespace {

// Gradients of a training step, by name of the parameter.
std::map<std::string, Tensor> gradients(const Model& model, const Examples& batch) {
  model.train();
  for (Parameter p : model.parameters()) p.zero_grad();
  cross_entropy(model(batch.images), batch.labels).backward();
  std::map<std::string, Tensor> found;
  for (const Parameter& p : model.parameters())
    if (p.grad().defined()) found[p.name()] = p.grad().clone();
  return found;
}

// Every element's place is kept as if by an optimiser, so that it can be told after a compaction.
constexpr const char* kPlace = "place";

void number_elements(const Model& model) {
  for (Parameter p : model.parameters()) {
    Tensor& places = p.state(kPlace);
    for (std::int64_t i = 0; i < p.numel(); ++i)
      places.mutable_data()[i] = p.mask() && !p.mask()[i] ? 0.0f : static_cast<float>(i + 1);
  }
}

// The largest difference between the gradients of a masked network and of the elements that are
// left, relative to the largest gradient of all.
double gradient_difference(const Model& compact, const std::map<std::string, Tensor>& masked,
                           const std::map<std::string, Tensor>& left) {
  double largest = 1e-6, difference = 0;
  for (const Parameter& p : compact.parameters()) {
    if (!p.states().contains(kPlace)) continue;  // a bias that took in a constant
    const Tensor& places = p.states().at(kPlace);
    for (std::int64_t i = 0; i < p.numel(); ++i) {
      const auto place = static_cast<std::int64_t>(places.data()[i]);
      if (place == 0) continue;
      const double was = masked.at(p.name()).data()[place - 1];
      largest = std::max(largest, std::abs(was));
      difference = std::max(difference, std::abs(was - left.at(p.name()).data()[i]));
    }
  }
  return difference / largest;
}

// Masks at random; whether there was anything to remove.
bool remove(const Model& model, Structure structure, double share, std::uint64_t seed) {
  try {
    remove_at_random(model, structure, share, seed);
    return true;
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("random: found no "));
    return false;
  }
}

}  // namespace

TEST_CASE("random graphs: compaction keeps outputs and gradients, files every bit") {
  const TempDir dir;
  int pruned = 0, smaller = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    const Model model = unsettled(RandomGraph(seed).model(seed), seed);
    pruned += remove(model, Structure::Filter, 0.4, seed);
    if (seed % 2) remove(model, Structure::Weight, 0.3, seed);
    if (seed % 3 == 0) remove(model, Structure::Layer, 0.3, seed);
    number_elements(model);
    const Tensor images = random_examples(5, seed, {3, 8, 8}).images;
    const Model compact = model.clone();
    const auto format = seed % 4 == 1 ? pruning::Format::CSR : pruning::Format::Dense;
    pruning::Compaction compaction;
    CHECK_NOTHROW(compaction = pruning::compact(compact, {.format = format, .inputs = images}));
    smaller += compaction.shrunk.changed();
    CHECK(difference(evaluate(compact, images), evaluate(model, images)) < 1e-5);

    const Examples batch = random_examples(17, seed + 1, {3, 8, 8}, 4);
    const auto masked = gradients(model, batch), left = gradients(compact, batch);
    // Rounding may move a value over the kink of a ReLU.
    CHECK(gradient_difference(compact, masked, left) < 1e-3);

    const std::string file = dir / "graph";
    save(compact, file);
    const Model loaded = load(file);
    CHECK(topology(loaded) == topology(compact));
    CHECK(fingerprint(loaded) == fingerprint(compact));
    loaded.train(), compact.train();
    CHECK(evaluate(loaded, images).to_vector() == evaluate(compact, images).to_vector());
  }
  CHECK(pruned > 400);
  CHECK(smaller > 300);
}
