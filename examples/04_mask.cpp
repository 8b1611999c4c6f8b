// Lesson 4: a mask. First by hand, on a 5x5 matrix; then on a layer that goes on training. A
// pruned weight has to stay exactly zero, and there are two ways for it to come back: by its
// gradient, and by the momentum that it had before. A mask that the parameter itself carries closes
// both, and is saved with it.
//
//   build/examples/04_mask [FOLDER]   (else $ESPALIER_DATA, else a generated set)
//
// The figures below are those of the generated set.
//
// Prints:
//   ...
//   weights
//     -1.57   0.49   0.09   0.02  -1.52
//   ...
//   mask of the 10 largest of 25
//         1      0      0      0      1
//   ...
//   weights times mask
//     -1.57   0.00   0.00   0.00  -1.52
//   ...
//   mask times the outer product x dy: where the mask is 0, the gradient is 0
//         1      0      0      0      5
//   ...
//   conv2, 80 % removed; weights that came back after          1       10       50 steps
//   zeros written into the weights                        14746    14746    14746  largest 3e-02
//   zeros, and the gradient multiplied by the mask        14746    14746    14746  largest 7e-03
//   a mask carried by the parameter                           0        0        0  largest 0e+00
#include "course/course.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

using namespace espalier;

namespace {

void print(const char* name, const std::vector<float>& matrix, const char* format) {
  std::printf("%s\n", name);
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    std::printf(format, static_cast<double>(matrix[i]));
    if (i % 5 == 4) std::printf("\n");
  }
}

// 1 for the `keep` largest, by absolute value.
std::vector<std::uint8_t> mask_of_largest(const Tensor& weight, std::size_t keep) {
  std::vector<float> size = weight.to_vector();
  for (float& s : size) s = std::abs(s);
  std::vector<float> sorted = size;
  std::nth_element(sorted.begin(), sorted.end() - keep, sorted.end());
  const float threshold = sorted[sorted.size() - keep];
  std::vector<std::uint8_t> mask(size.size());
  for (std::size_t i = 0; i < size.size(); ++i) mask[i] = size[i] >= threshold;
  return mask;
}

void by_hand() {
  Rng rng(5);
  Parameter w(Tensor::randn({5, 5}, rng), "w");
  print("weights", w.to_vector(), "%7.2f");
  const auto mask = mask_of_largest(w, 10);
  print("mask of the 10 largest of 25", {mask.begin(), mask.end()}, "%7.0f");
  w.set_mask(mask);  // from here on w is w times mask, whatever happens to it
  print("weights times mask", w.to_vector(), "%7.2f");

  // y = x w^T. The loss sum(y) has dL/dw = (dL/dy)^T x, a full matrix; of that the mask is taken
  // too, for the gradient of m * v with respect to v is m * (dL/dw).
  const Tensor x = Tensor::from({1, 5}, std::vector<float>{1, 2, 3, 4, 5});
  sum(linear(x, w)).backward();
  print("mask times the outer product x dy: where the mask is 0, the gradient is 0",
        w.grad().to_vector(), "%7.0f");
}

// How the removed weights are kept at zero: what is done once, and what before each step.
struct Way {
  const char* name;
  std::function<void(Parameter, const std::vector<std::uint8_t>&)> once, before_step;
};

void multiply(Tensor values, const std::vector<std::uint8_t>& mask) {
  float* v = values.mutable_data();
  for (std::size_t i = 0; i < mask.size(); ++i) v[i] *= mask[i];
}

void try_way(const Way& way, const layers::Model& trained, const datasets::Dataset& train) {
  const layers::Model model = trained.clone();
  optim::SGD sgd(model, {.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4});
  Parameter w = model.parameter("conv2.weight");
  std::vector<std::uint8_t> mask;
  std::printf("%-50s", way.name);
  for (auto& batch : datasets::epochs(train, 1000, {.batch = 32})) {
    if (batch.step == 10) {  // by now there is momentum
      mask = mask_of_largest(w, static_cast<std::size_t>(w.numel() / 5));
      way.once(w, mask);
    }
    cross_entropy(outputs_of(model, batch.images), batch.labels).backward();
    if (batch.step >= 10) way.before_step(w, mask);
    sgd.step();
    const std::int64_t after = batch.step - 9;
    if (after == 1 || after == 10 || after == 50)
      std::printf(" %8lld", static_cast<long long>(w.nonzero() - w.numel() / 5));
    if (after == 50) break;
  }
  double size = 0;  // of what should be zero
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (!mask[i]) size = std::max(size, std::abs(static_cast<double>(w.data()[i])));
  std::printf("  largest %.0e\n", size);
}

void run(const datasets::Data& data) {
  by_hand();

  const layers::Model model = course::trained_convnet(data);
  const auto nothing = [](auto&&...) {};
  std::printf(
      "conv2, 80 %% removed; weights that came back after          1       10       50 steps\n");
  // The next step writes the gradient into every zero.
  try_way({"zeros written into the weights", multiply, nothing}, model, data.train);
  // Better, but the momentum of earlier steps pushes on: 0.9 of it at the first step, 0.81 at the
  // second. Adam's moments do the same.
  try_way({"zeros, and the gradient multiplied by the mask", multiply,
           [](Parameter w, const auto& mask) { multiply(w.grad(), mask); }},
          model, data.train);
  // The parameter owns mask and momentum. Value, gradient and state are zero where the mask is.
  try_way({"a mask carried by the parameter",
           [](Parameter w, const auto& mask) { w.set_mask(mask); }, nothing},
          model, data.train);
}

}  // namespace

int main(int argc, char** argv) { return course::lesson(argc, argv, run); }
