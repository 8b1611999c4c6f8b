// Proof against PyTorch: the same weights and batches give the same logits, gradients, losses and
// statistics. tests/fixtures/make_pytorch.py made the files and says what is in them; their values
// come from float64, so that the tolerances below are ours alone, not PyTorch's rounding too.
#include <doctest/doctest.h>

#include <cstring>

#include "core/ops/loss.h"
#include "core/safetensors.h"
#include "layers/layers.h"
#include "optim/sgd.h"
#include "tests/pytorch_fixture.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;

namespace {

// Largest differences allowed, in parts of the tensor's largest value. Every float32 rounds by up
// to 6e-8; PyTorch in float32 is 2e-7 (logits), 1e-6 (gradients), 1e-7 (losses) and 5e-7 (weights
// after ten steps) away from itself in float64.
constexpr double kLogits = 2e-6, kGradients = 5e-6, kLosses = 1e-6, kAfter = 3e-6;

// What stands under "extra/" in a fixture. The weights beside it are read by load_weights().
class Fixture {
 public:
  explicit Fixture(const std::string& name) : file_(SafeTensors::read(fixture_path(name))) {}

  const std::string& path() const { return file_.path(); }
  std::vector<float> values(const std::string& name) const {
    return file_.floats("extra/" + name, file_.at("extra/" + name).shape);
  }
  std::int64_t steps() const { return file_.at("extra/images").shape[0]; }
  Tensor images(std::int64_t step) const {
    std::vector<std::int64_t> sizes = file_.at("extra/images").shape;
    sizes.erase(sizes.begin());
    const Shape shape(sizes);
    const std::vector<float> all = values("images");
    const auto count = static_cast<std::size_t>(shape.numel());
    return Tensor::from(shape,
                        std::span(all).subspan(static_cast<std::size_t>(step) * count, count));
  }
  std::vector<std::int32_t> labels(std::int64_t step) const {
    const StoredTensor& stored = file_.at("extra/labels");
    std::vector<std::int64_t> all(stored.bytes.size() / sizeof(std::int64_t));
    std::memcpy(all.data(), stored.bytes.data(), stored.bytes.size());
    const auto first = all.begin() + step * stored.shape[1];
    return {first, first + stored.shape[1]};
  }

 private:
  SafeTensors file_;
};

// Trains as the fixture was trained, and compares on the way.
void check_history(const Model& model, const Fixture& fixture) {
  load_weights(model, fixture.path());
  optim::SGD optimizer(model,
                       {.lr = 0.02, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
  std::vector<float> losses;
  for (std::int64_t step = 0; step < fixture.steps(); ++step) {
    const Tensor logits = model(fixture.images(step));
    const Tensor loss = cross_entropy(logits, fixture.labels(step));
    loss.backward();
    losses.push_back(loss.item());
    if (step == 0) {
      check_near(logits.to_vector(), fixture.values("logits"), kLogits, "logits");
      check_near({loss.item()}, fixture.values("loss"), kLosses, "loss");
      for (const Parameter& p : model.parameters())
        check_near(p.grad().to_vector(), fixture.values("gradient/" + p.name()), kGradients,
                   "gradient of " + p.name());
    }
    optimizer.step();
  }
  CHECK(losses.size() == 10);
  for (std::size_t step = 0; step < losses.size(); ++step)
    check_near({losses[step]}, {fixture.values("losses")[step]}, kLosses,
               "loss of step " + std::to_string(step));
  for (const Parameter& p : model.parameters())
    check_near(p.to_vector(), fixture.values("after/" + p.name()), kAfter, p.name());
  for (const auto& [name, statistics] : model.buffers())
    check_near(statistics.to_vector(), fixture.values("after/" + name), kAfter, name);
  model.eval();
  check_near(model(fixture.images(0)).to_vector(), fixture.values("evaluated"), kAfter,
             "logits in evaluation");
}

// The networks of tests/fixtures/make_pytorch.py, which the built-in ones are in another size.
Model small_convnet() {
  const Conv2dOptions same{.kernel = 3, .padding = 1};
  return Model(Sequential{{"conv1", Conv2d(3, 6, same)},
                          {"relu1", ReLU()},
                          {"pool1", MaxPool2d()},
                          {"conv2", Conv2d(6, 10, same)},
                          {"relu2", ReLU()},
                          {"pool2", MaxPool2d()},
                          {"flatten", Flatten()},
                          {"fc1", Linear(160, 32)},
                          {"relu3", ReLU()},
                          {"fc2", Linear(32, 10)}},
               {3, 16, 16});
}

Sequential main_path(int in, int out, int stride) {
  return {{"conv1", Conv2d(in, out, {.stride = stride, .padding = 1, .bias = false})},
          {"bn1", BatchNorm(out)},
          {"relu1", ReLU()},
          {"conv2", Conv2d(out, out, {.padding = 1, .bias = false})},
          {"bn2", BatchNorm(out)}};
}

Model small_residual() {
  Sequential same, halved, shortcut;
  shortcut.add(Conv2d(8, 12, {.kernel = 1, .stride = 2, .bias = false})).add(BatchNorm(12));
  same.add(Residual(main_path(8, 8, 1)));
  halved.add(Residual(main_path(8, 12, 2), std::move(shortcut)));
  return Model(Sequential{{"conv1", Conv2d(3, 8, {.padding = 1, .bias = false})},
                          {"bn1", BatchNorm(8)},
                          {"relu", ReLU()},
                          {"layer1", std::move(same)},
                          {"layer2", std::move(halved)},
                          {"pool", GlobalAvgPool()},
                          {"flatten", Flatten()},
                          {"fc", Linear(12, 10)}},
               {3, 10, 10});
}

}  // namespace

TEST_CASE("pytorch: a convolutional network has its logits, gradients and losses") {
  check_history(small_convnet(), Fixture("convnet.safetensors"));
}

TEST_CASE("pytorch: a residual network with batch norm has its gradients, losses and statistics") {
  const Model model = small_residual();
  check_history(model, Fixture("residual.safetensors"));
  CHECK(dynamic_cast<BatchNorm&>(model.find("layer2.0.shortcut.1")).num_batches_tracked == 10);
}
