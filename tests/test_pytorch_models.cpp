// Proof against PyTorch at full size: every built-in network gives PyTorch's logits. The weights
// and images come from a formula that stands here and in tests/fixtures/make_pytorch.py.
#include <doctest/doctest.h>

#include <cmath>

#include "core/autograd.h"
#include "core/safetensors.h"
#include "layers/layers.h"
#include "tests/pytorch_fixture.h"

using namespace espalier;
using namespace espalier::layers;
using namespace espalier::testing;

namespace {

// Largest difference allowed, in parts of the largest logit: VGG-16 adds up to 4608 products a
// value in each of 13 layers. PyTorch in float32 is up to 5e-7 away from itself in float64.
constexpr double kLogits = 5e-6;
// What MobileNetV2's blocks add up cancels: there PyTorch is 5e-6 away from itself.
constexpr double kMobileNetLogits = 2e-5;

// uniform() and filled() of make_pytorch.py, to the bit.
double uniform(std::uint32_t stream, std::uint32_t index) {
  std::uint32_t x = index + stream * 0x9E3779B9u;
  x = (x ^ x >> 16) * 0x85EBCA6Bu;
  x = (x ^ x >> 13) * 0xC2B2AE35u;
  x ^= x >> 16;
  return (x >> 8) / 8388608.0 - 1;
}

struct Fill : StateVisitor {
  void parameter(const std::string& name, Parameter& p, const Shape& shape) override {
    fill(name, p, shape);
  }
  void buffer(const std::string& name, Tensor& t, const Shape& shape) override {
    fill(name, t, shape);
  }
  void fill(const std::string& name, Tensor& tensor, const Shape& shape) {
    ++stream;
    const double bound =
        std::sqrt(6 / (static_cast<double>(shape.numel()) / static_cast<double>(shape[0])));
    float* values = tensor.mutable_data();
    for (std::uint32_t i = 0; i < shape.numel(); ++i) {
      const double u = uniform(stream, i);
      double value = (name.ends_with("bn2.weight") ? 0.25 : 1) * (1 + 0.25 * u);
      if (shape.rank() > 1) value = u * bound;
      if (name.ends_with("bias") || name.ends_with("mean")) value = u * 0.125;
      values[i] = static_cast<float>(value);
    }
  }
  std::uint32_t stream = 0;
};

Tensor images_by_formula(const Model& model) {
  Tensor images = Tensor::zeros(model.batch_shape(3));
  const std::uint32_t count = static_cast<std::uint32_t>(images.numel());
  float* values = images.mutable_data();
  for (std::uint32_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(uniform(0, i)) * static_cast<float>(1 << i / (count / 3));
  return images;
}

}  // namespace

TEST_CASE("pytorch: the built-in networks give its logits at full size") {
  const SafeTensors expected = SafeTensors::read(fixture_path("models.safetensors"));
  CHECK(expected.tensors().size() == model_choices().size());
  for (const ModelChoice& choice : model_choices()) {
    const Model model = make_model(choice.name);
    Fill fill;
    visit_state(model, fill);
    model.eval();
    const Tensor images = images_by_formula(model);
    const double most = choice.name == std::string("mobilenetv2") ? kMobileNetLogits : kLogits;
    const auto logits = expected.floats(std::string(choice.name) + ".logits", {3, 10});
    check_near(model(images).to_vector(), logits, most, choice.name);
    const NoGrad off;  // small batches then lie in another layout
    check_near(model(images).to_vector(), logits, most, choice.name + std::string(", no tape"));
  }
}
