// What a convolution adds to its output before ReLU: as the sum of two tensors would be, dense and
// sparse, of many images and of few; and residual blocks, which run so in inference.
#include "core/ops/activation.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/sparse_conv.h"
#include "tests/test_pruning.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector(), y = b.to_vector();
  double most = 0, largest = 1e-3;
  for (std::size_t i = 0; i < x.size(); ++i) {
    most = std::max(most, std::abs(double{x[i]} - y[i]));
    largest = std::max(largest, std::abs(double{y[i]}));
  }
  return most / largest;
}

}  // namespace

TEST_CASE("conv2d: adds another tensor before relu") {
  const NoGrad off;
  const struct {
    int images, channels, outputs, size, kernel, stride, padding;
  } shapes[] = {{1, 3, 5, 7, 3, 1, 1},   {17, 3, 8, 8, 3, 1, 1}, {33, 5, 13, 9, 3, 2, 1},
                {20, 6, 16, 2, 3, 1, 1}, {18, 4, 7, 6, 1, 2, 0}, {16, 2, 4, 11, 5, 1, 0},
                {3, 9, 4, 4, 3, 1, 1}};
  for (const auto& s : shapes) {
    CAPTURE(s.images);
    CAPTURE(s.outputs);
    Rng rng(5);
    const Tensor x = Tensor::randn({s.images, s.channels, s.size, s.size}, rng);
    const Tensor weight = Tensor::randn({s.outputs, s.channels, s.kernel, s.kernel}, rng);
    const Tensor bias = Tensor::randn({s.outputs}, rng);
    std::vector<std::uint8_t> kept(weight.numel());
    for (auto& k : kept) k = rng.below(3) == 0;
    const Pattern pattern = pattern_of(weight.shape(), kept);
    const Tensor values = gather(weight, *pattern), sparse = scatter(values, *pattern);
    for (const bool relu_wanted : {false, true}) {
      const ConvOptions plain{.stride = s.stride, .padding = s.padding};
      const Tensor y = conv2d(x, weight, bias, plain);
      const Tensor addend = Tensor::randn(y.shape(), rng);
      ConvOptions adding = plain;
      adding.relu = relu_wanted;
      adding.addend = addend;
      const auto expected = [&](const Tensor& w) {
        const Tensor sum = add(conv2d(x, w, bias, plain), addend);
        return relu_wanted ? relu(sum) : sum;
      };
      CHECK(difference(conv2d(x, weight, bias, adding), expected(weight)) < 1e-5);
      CHECK(difference(sparse_conv2d(x, values, pattern, bias, adding), expected(sparse)) < 1e-5);
    }
  }
}

TEST_CASE("conv2d: an addend that makes no sense is refused") {
  Rng rng(1);
  const Tensor x = Tensor::randn({2, 3, 4, 4}, rng), weight = Tensor::randn({5, 3, 3, 3}, rng);
  const Tensor fits = Tensor::zeros({2, 5, 4, 4}), small = Tensor::zeros({2, 5, 2, 2});
  CHECK_THROWS_WITH_AS(conv2d(x, weight, {}, {.padding = 1, .addend = fits}),
                       "conv2d: found an addend of shape [2, 5, 4, 4] while the tape is on, "
                       "expected [2, 5, 4, 4] without max_pool and without the tape",
                       Error);
  const NoGrad off;
  CHECK_NOTHROW(conv2d(x, weight, {}, {.padding = 1, .addend = fits}));
  CHECK_THROWS_AS(conv2d(x, weight, {}, {.padding = 1, .addend = small}), Error);
  CHECK_THROWS_AS(
      conv2d(x, weight, {}, {.padding = 1, .relu = true, .max_pool = true, .addend = small}),
      Error);
}

TEST_CASE("residual blocks: the sum within the last layer's pass is the sum") {
  using namespace layers;
  Sequential with_norm{{"conv1", Conv2d(4, 6, {.stride = 2, .padding = 1, .bias = false})},
                       {"bn1", BatchNorm(6)},
                       {"relu1", ReLU()},
                       {"conv2", Conv2d(6, 6, {.padding = 1, .bias = false})},
                       {"bn2", BatchNorm(6)}};
  Sequential side{{"0", Conv2d(4, 6, {.kernel = 1, .stride = 2, .bias = false})},
                  {"1", BatchNorm(6)}};
  const Model model(
      Sequential{
          {"a", Residual(with_norm, side)},
          {"b", Residual(Sequential{{"conv", Conv2d(6, 6, {.padding = 1})}}, {}, {.relu = false})},
          {"c", Residual(Sequential{{"conv", Conv2d(6, 6, {.padding = 1})}, {"act", ReLU()}})},
          {"d", Residual(Sequential{})}},
      {4, 8, 8}, 3);
  model.eval();
  for (const int images : {1, 5, 20}) {
    const Tensor x = random_examples(images, 7, {4, 8, 8}).images;
    const Tensor recorded = model(x);  // on the tape nothing of the kind is done
    const NoGrad off;
    CHECK(difference(model(x), recorded) < 1e-5);
    const Model sparse = model.clone();
    pruning::prune(sparse, {.structure = pruning::Weight, .criterion = pruning::magnitude()}, 0.5);
    const Tensor masked = sparse(x);
    pruning::compact(sparse, {.format = pruning::Format::CSR});
    sparse.eval();
    CHECK(difference(sparse(x), masked) < 1e-5);
  }
}
