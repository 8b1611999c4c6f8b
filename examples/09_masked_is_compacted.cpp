// Lesson 9: masked = compacted. Where the constants hide.
//
// A masked network stands for a smaller one, but is it the same function? Not always. A filter
// whose weights are masked still adds its bias, which ReLU lets through where it is positive: the
// channel is not silent, it says a constant, and the next layer has learnt to live with it. Four
// ways to take such a channel out, and how far the outputs move:
//   naive     the channel is cut, the constant is lost;
//   folded    what the readers made of the constant is added to their bias. Exact without borders;
//             a padded convolution reads zeros, and not the constant, beyond the border;
//   engine    compact() folds where that is exact, and else keeps the channel and says why;
//   silent    bias (or scale and shift of a batch norm) masked together with the filter, as
//             pruning::prune() does: there is no constant, and the channel leaves.
//
//   make && build/examples/09_masked_is_compacted [FOLDER]
//
// Prints:
//   ...
//   the largest differences, relative to the largest output
//   channel of  cut naively  folded by hand
//   conv1           2.7e-02         3.5e-03
//   conv2           1.4e-02         6.9e-08
//   after compact() of both
//   conv1: 32 of 32 filters; 1 silent but kept: it is read by conv2, a convolution with padding
//   conv2: 63 of 64 filters, 1 constants folded
//   ...
//   the outputs differ by 2.1e-07
//   where folding into conv2 is wrong: the error by pixel, 9 the largest
//   7 5 5 5 5 5 5 5 5 5 5 5 5 5 5 7
//   5 . . . . . . . . . . . . . . 6
//   ...
//   half of all filters masked, with all that belongs to them
//   ...
//   2122186 parameters become 1059306, the outputs differ by 1.6e-07
#include "course/course.h"

#include <cmath>
#include <cstdio>

using namespace espalier;
using layers::Model;

// Masks the weights of the filter of this layer that has the largest bias, and leaves the bias.
int mask_weights_alone(const Model& model, const std::string& layer) {
  const auto bias = model.parameter(layer + ".bias").to_vector();
  const auto filter = static_cast<int>(std::max_element(bias.begin(), bias.end()) - bias.begin());
  Parameter weight = model.parameter(layer + ".weight");
  std::vector<std::uint8_t> mask(weight.numel(), 1);
  const std::int64_t size = weight.numel() / weight.size(0);
  std::fill_n(mask.begin() + filter * size, size, 0);
  weight.set_mask(mask);
  return filter;
}

// The reader no longer sees the inputs [first, first + count) of its weight [O, inputs, ...]; to
// its bias goes what it made of them while all were `constant`.
void cut_inputs(const Model& model, const std::string& reader, int first, int count,
                float constant) {
  Parameter weight = model.parameter(reader + ".weight"), bias = model.parameter(reader + ".bias");
  const std::int64_t row = weight.numel() / weight.size(0), span = row / weight.size(1);
  for (std::int64_t o = 0; o < weight.size(0); ++o)
    for (std::int64_t i = first * span; i < (first + count) * span; ++i) {
      float& w = weight.mutable_data()[o * row + i];
      bias.mutable_data()[o] += w * constant;
      w = 0;
    }
}

// How far apart two networks are at the first picture's pixels behind conv2: the sum of |a - b|
// over the channels.
std::vector<float> error_map(const Model& a, const Model& b, const Tensor& images) {
  std::vector<std::vector<float>> seen;  // [N][O][H][W] of a, then of b
  const layers::Observe look([&](auto&, const std::string& name, auto&, const Tensor& output) {
    if (name == "conv2") seen.push_back(output.to_vector());
  });
  course::difference(a, b, images);
  const std::int64_t pixels = (a.input_shape()[1] / 2) * (a.input_shape()[2] / 2);
  const std::int64_t channels = a.parameter("conv2.weight").size(0);
  std::vector<float> map(pixels, 0);
  for (std::int64_t i = 0; i < channels * pixels; ++i)
    map[i % pixels] += std::abs(seen.at(0)[i] - seen.at(1)[i]);
  return map;
}

void lesson(const datasets::Data& data) {
  const Model dense = course::trained_convnet(data);
  const Tensor images = course::examples(data.test, 128).at(0).images;
  Model both = dense.clone(), masked, wrong;
  std::printf(
      "the largest differences, relative to the largest output\n"
      "channel of  cut naively  folded by hand\n");
  for (const std::string layer : {"conv1", "conv2"}) {
    const bool first = layer == "conv1";
    Model one = dense.clone();
    const int filter = mask_weights_alone(one, layer);
    mask_weights_alone(both, layer);
    // ReLU and pooling leave a positive constant as it is. Flatten makes H W features of a channel.
    const float constant = std::max(0.0f, one.parameter(layer + ".bias").data()[filter]);
    const std::string reader = first ? "conv2" : "fc1";
    const auto span = static_cast<int>(
        first ? 1 : one.parameter("fc1.weight").size(1) / one.parameter("conv2.weight").size(0));
    const Model naive = one.clone(), folded = one.clone();
    cut_inputs(naive, reader, filter * span, span, 0);
    cut_inputs(folded, reader, filter * span, span, constant);
    std::printf("%s       %11.1e  %14.1e\n", layer.c_str(), course::difference(one, naive, images),
                course::difference(one, folded, images));
    if (first) masked = one, wrong = folded;
  }

  const pruning::Compaction done = pruning::compact(both, {.format = pruning::Format::Dense});
  std::printf("after compact() of both\n%sthe outputs differ by %.1e\n",
              done.shrunk.table().c_str(), done.max_error);

  std::printf("where folding into conv2 is wrong: the error by pixel, 9 the largest\n");
  const auto map = error_map(masked, wrong, images);
  const float most = std::max(1e-30f, *std::max_element(map.begin(), map.end()));
  const auto width = static_cast<std::size_t>(data.train.width / 2);
  for (std::size_t i = 0; i < map.size(); ++i)
    std::printf("%c%s", map[i] < 1e-4f * most ? '.' : static_cast<char>('0' + 9 * map[i] / most),
                (i + 1) % width ? " " : "\n");

  Model half = dense.clone();
  pruning::prune(half, {.structure = pruning::Filter}, 0.5);
  const std::int64_t before = layers::summary(half).total.parameters;
  const auto small = pruning::compact(half, {.format = pruning::Format::Dense});
  std::printf("half of all filters masked, with all that belongs to them\n%s",
              small.shrunk.table().c_str());
  std::printf("%lld parameters become %lld, the outputs differ by %.1e\n",
              static_cast<long long>(before),
              static_cast<long long>(layers::summary(half).total.parameters), small.max_error);
}

int main(int argc, char** argv) { return course::lesson(argc, argv, lesson); }
