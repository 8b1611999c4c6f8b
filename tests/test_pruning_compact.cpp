// Compaction: the same outputs, the same training, once as good as twice, and masks that move.
#include "core/ops/elementwise.h"
#include "tests/tempdir.h"
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::testing;
using layers::Model;
using pruning::Format;

namespace {

// Weights at 80 % and filters at a third are gone, so that both kinds of compaction have work.
Model pruned_net(std::uint64_t seed = 1) {
  const Model model = small_net(seed);
  pruning::prune(model, {.structure = pruning::Filter, .criterion = pruning::magnitude()}, 0.34);
  pruning::prune(model, {.structure = pruning::Weight, .criterion = pruning::magnitude()}, 0.8);
  return model;
}

std::vector<float> outputs(const Model& model, const pruning::Examples& examples) {
  const layers::EvaluationMode mode(model);
  const NoGrad off;
  return model(examples.images).to_vector();
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return most / largest;
}

void train(const Model& model, optim::Optimizer& optimizer, int from, int to) {
  model.train();
  for (int step = from; step < to; ++step) {
    const pruning::Examples batch = random_examples(20, 500 + step);
    cross_entropy(model(batch.images), batch.labels).backward();
    optimizer.step();
  }
}

}  // namespace

TEST_CASE("compact: masked and compacted networks answer the same, in every format") {
  const pruning::Examples examples = random_examples(19, 3);
  for (const Format format : {Format::Dense, Format::CSR, Format::Auto}) {
    CAPTURE(pruning::name(format));
    const Model masked = pruned_net(), small = masked.clone();
    const pruning::Compaction done = pruning::compact(small, {.format = format, .images = 17});
    CHECK(done.max_error <= 1e-5);
    CHECK(done.shrunk.changed());
    CHECK(done.forms.size() == 4);  // every convolution and linear layer has weights that are gone
    const std::size_t sparse = pruning::sparse_layers(small).size();
    if (format == Format::CSR) CHECK(sparse == 4);
    if (format == Format::Dense) CHECK(sparse == 0);
    CHECK(difference(outputs(masked, examples), outputs(small, examples)) <= 1e-5);
    CHECK(layers::summary(small).total.parameters < layers::summary(masked).total.parameters);
  }
}

TEST_CASE("compact: a format changes only for a gain beyond the spread of the measurements") {
  const std::vector<double> clear = {0.5, 0.55, 0.52, 0.9, 0.5, 0.51, 0.5, 0.5, 0.5, 0.5, 1.4};
  const std::vector<double> noise = {0.93, 0.9, 0.97, 0.93, 0.88, 1.02, 0.93, 0.9, 0.93, 0.95, 1.1};
  const auto turned = [](std::vector<double> shares) {
    for (double& share : shares) share = 1 / share;
    return shares;
  };
  CHECK(pruning::prefers_sparse(clear, false, 0.05));  // one outlier of eleven does not decide
  CHECK(pruning::prefers_sparse(clear, true, 0.05));
  CHECK(!pruning::prefers_sparse(noise, false, 0.05));  // 7 % in the median
  CHECK(pruning::prefers_sparse(noise, true, 0.05));
  CHECK(pruning::prefers_sparse(turned(noise), true, 0.05));
  CHECK(!pruning::prefers_sparse(turned(clear), true, 0.05));
  CHECK(!pruning::prefers_sparse({0.96, 0.96}, false, 0.05));
  CHECK(pruning::prefers_sparse({1.04, 1.04}, true, 0.05));
  CHECK_THROWS_AS(pruning::prefers_sparse({}, false, 0.05), Error);
}

TEST_CASE("compact: nothing that is gone, nothing that changes") {
  const Model model = small_net(), before = model.clone();
  const pruning::Compaction done = pruning::compact(model, {.format = Format::CSR});
  CHECK(!done.shrunk.changed());
  CHECK(done.forms.empty());
  CHECK(done.max_error == 0);
  CHECK(outputs(model, random_examples(5, 1)) == outputs(before, random_examples(5, 1)));
}

TEST_CASE("compact: twice is as good as once") {
  const Model model = pruned_net();
  pruning::compact(model, {.format = Format::CSR});
  const Model once = model.clone();
  const pruning::Compaction again = pruning::compact(model, {.format = Format::CSR});
  CHECK(!again.shrunk.changed());
  CHECK(pruning::sparse_layers(model) == pruning::sparse_layers(once));
  const auto a = model.parameters(), b = once.parameters();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].to_vector() == b[i].to_vector());
}

TEST_CASE("compact: in the middle of a training, the same optimiser goes on as if masked") {
  for (const bool adam : {false, true}) {
    CAPTURE(adam);
    const auto make = [adam](const Model& model) -> std::unique_ptr<optim::Optimizer> {
      if (adam) return std::make_unique<optim::Adam>(model, optim::AdamOptions{.lr = 1e-3});
      return std::make_unique<optim::SGD>(
          model, optim::SGDOptions{.lr = 0.02, .momentum = 0.9, .weight_decay = 5e-4});
    };
    const Model masked = pruned_net(), small = masked.clone();
    const auto one = make(masked), other = make(small);
    train(masked, *one, 0, 4);
    train(small, *other, 0, 4);
    pruning::compact(small, {.format = Format::CSR});
    REQUIRE(pruning::sparse_layers(small).size() == 4);
    train(masked, *one, 4, 9);
    train(small, *other, 4, 9);
    const pruning::Examples examples = random_examples(33, 3);
    CHECK(difference(outputs(masked, examples), outputs(small, examples)) <= 1e-4);
    pruning::shrink(masked);  // what silent units leave unread is not counted in `small`
    CHECK(layers::summary(small).total.nonzero == layers::summary(masked).total.nonzero);
  }
}

TEST_CASE("compact: masks move on, and sparse layers follow; ratios do not compound") {
  const Model masked = small_net(), small = masked.clone();
  for (const double ratio : {0.3, 0.3, 0.6, 0.8}) {
    CAPTURE(ratio);
    const pruning::Method method{.structure = pruning::Weight, .criterion = pruning::magnitude()};
    const pruning::Outcome a = pruning::prune(masked, method, ratio);
    const pruning::Outcome b = pruning::prune(small, method, ratio);
    CHECK(b.achieved == a.achieved);
    if (ratio > 0.3) CHECK(pruning::sparse_layers(small).size() == 4);
    pruning::compact(small, {.format = Format::CSR, .units = false});
    CHECK(layers::summary(small).total.weights ==
          std::llround((1 - a.achieved) *
                       static_cast<double>(layers::summary(masked).total.weights)));
  }
  const Model still = small.clone();
  pruning::expand(small);
  CHECK(pruning::sparse_layers(small).empty());
  CHECK(difference(outputs(still, random_examples(9, 2)), outputs(small, random_examples(9, 2))) <=
        1e-5);
}

namespace {

// Says something else each time.
class Fickle : public layers::Module {
 public:
  std::string type() const override { return "Fickle"; }
  Tensor forward(const Tensor& x) override {
    static int calls = 0;
    return add(x, Tensor::full({1}, static_cast<float>(++calls)));
  }
  Shape output_shape(const Shape& input) const override { return input; }
  std::shared_ptr<Module> copy() const override { return std::make_shared<Fickle>(*this); }
};

}  // namespace

TEST_CASE("compact: refuses where the outputs would differ, and leaves the model alone") {
  using namespace layers;
  const Model model(Sequential{{"fc1", Linear(6, 5)}, {"odd", Fickle()}, {"fc2", Linear(5, 3)}},
                    {6}, 1);
  pruning::prune(model, {.structure = pruning::Weight, .criterion = pruning::magnitude()}, 0.5);
  CHECK_THROWS_AS(pruning::compact(model, {.format = Format::CSR}), Error);
  CHECK(pruning::sparse_layers(model).empty());
  CHECK_THROWS_WITH_AS(pruning::compact(model, {.images = 0}),
                       "compact: found 0 images at a time, expected at least 1", Error);
  CHECK_THROWS_WITH_AS(pruning::format("sparse"),
                       "format: found 'sparse', expected dense, csr or auto", Error);
}

TEST_CASE("footprint: sparse layers take less memory") {
  const Model masked(layers::Sequential{{"fc", layers::Linear(1024, 512)}}, {1024}, 1);
  pruning::prune(masked, {.structure = pruning::Weight, .criterion = pruning::magnitude()}, 0.9);
  const Model small = masked.clone();
  pruning::compact(small, {.format = Format::CSR});
  const layers::Footprint before = layers::footprint(masked), after = layers::footprint(small);
  CHECK(before.network >= 1024 * 512 * 4);
  CHECK(after.network < before.network / 5);
  CHECK(after.total() < before.total());
}

TEST_CASE("compact: a training that is saved after a compaction goes on bit for bit") {
  const TempDir folder;
  const std::string file = folder / "m.safetensors";
  const Model whole = pruned_net();
  optim::SGD one(whole, {.lr = 0.02, .momentum = 0.9});
  train(whole, one, 0, 3);
  pruning::compact(whole, {.format = Format::CSR, .training = true});
  train(whole, one, 3, 5);
  layers::save(whole, file, {.states = true});
  train(whole, one, 5, 8);

  const Model resumed = layers::load(file);
  CHECK(pruning::sparse_layers(resumed).size() == 4);
  optim::SGD other(resumed, {.lr = 0.02, .momentum = 0.9});
  train(resumed, other, 5, 8);
  const auto a = whole.parameters(), b = resumed.parameters();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].to_vector() == b[i].to_vector());
}
