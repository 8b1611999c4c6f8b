// First layer: looking at it, and laying the squares out.
#include "examples/cli/first_layer.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "examples/cli/predict.h"
#include "layers/observe.h"

namespace espalier::cli {
namespace {

constexpr int kLeast = 96;            // pixels of a side, once magnified
constexpr int kGap = 4;               // between squares
constexpr std::uint8_t kPaper = 112;  // neither black nor white: both mean something here

bool is_convolution(const layers::Module& layer) { return layer.type() == "Conv2d"; }

bool belongs_to_one(const layers::Module& layer) {
  const std::string type = layer.type();
  return type == "BatchNorm" || type == "ReLU" || type == "LeakyReLU" || type == "GELU";
}

// [1, C, H, W], of the first convolution and what belongs to it.
Tensor first_maps(const Checkpoint& checkpoint, const std::vector<std::uint8_t>& bytes) {
  Tensor maps;
  bool ended = false;
  const NoGrad off;
  const layers::EvaluationMode mode(checkpoint.model);
  const layers::Observe observe(
      [&](const layers::Module& layer, const std::string&, const Tensor&, const Tensor& output) {
        if (ended) return;
        if (maps.defined() ? belongs_to_one(layer) : is_convolution(layer))
          maps = output;
        else
          ended = maps.defined();
      });
  layers::outputs_of(checkpoint.model, input_of(checkpoint, bytes));
  return maps;
}

// Grey or red, green and blue squares on paper.
class Sheet {
 public:
  Sheet(int height, int width) : height_(height), width_(width) {
    bytes_.assign(std::size_t{3} * height * width, kPaper);
  }

  // Planes [channels][height][width], every pixel magnified.
  void put(int top, int left, const std::uint8_t* planes, int channels, int height, int width,
           int times) {
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < height * times; ++y)
        for (int x = 0; x < width * times; ++x)
          bytes_[(std::size_t{1} * c * height_ + top + y) * width_ + left + x] =
              planes[(std::size_t{1} * (channels == 1 ? 0 : c) * height + y / times) * width +
                     x / times];
  }
  void write(const std::string& path) const {
    datasets::write_picture(path, bytes_, 3, height_, width_);
  }

 private:
  int height_, width_;
  std::vector<std::uint8_t> bytes_;
};

std::vector<std::uint8_t> grey(const float* values, std::int64_t count) {
  const auto [low, high] = std::minmax_element(values, values + count);
  const float range = *high - *low;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count), 0);
  for (std::int64_t i = 0; range > 0 && i < count; ++i)
    bytes[i] = static_cast<std::uint8_t>(std::lround(255 * (values[i] - *low) / range));
  return bytes;
}

}  // namespace

void check_has_maps(const layers::Model& model) {
  const layers::Module* first = nullptr;
  model.graph().trace(model.batch_shape(1), [&](layers::Module& layer, const Shape&, const Shape&) {
    if (!first && !layers::parameters_of(layer).empty()) first = &layer;
  });
  check(first && is_convolution(*first), "--picture: found a network whose first layer is ",
        first ? first->name() + " (" + first->type() + ")" : "none with weights",
        ", expected a convolution, whose outputs are pictures");
}

std::int64_t write_first_layer(const Checkpoint& checkpoint, const std::string& picture,
                               const std::string& out, std::int64_t max_pixels) {
  const Shape& input = checkpoint.model.input_shape();
  const int channels = static_cast<int>(input[0]), height = static_cast<int>(input[1]),
            width = static_cast<int>(input[2]);
  const auto bytes = datasets::read_picture(picture, channels, height, width, max_pixels);
  const Tensor maps = first_maps(checkpoint, bytes);
  const int count = static_cast<int>(maps.size(1)), high = static_cast<int>(maps.size(2)),
            wide = static_cast<int>(maps.size(3));
  const int times = std::max(1, (kLeast + std::min(high, wide) - 1) / std::min(high, wide));
  const int across = static_cast<int>(std::ceil(std::sqrt(1.5 * count)));
  const int down = (count + across - 1) / across;
  const int cell_height = high * times + kGap, cell_width = wide * times + kGap;
  const int top = height * times + 3 * kGap;
  Sheet sheet(top + down * cell_height, std::max(across * cell_width, width * times + kGap) + kGap);
  sheet.put(kGap, kGap, bytes.data(), channels, height, width, times);
  const std::vector<float> values = maps.to_vector();
  const std::int64_t area = std::int64_t{high} * wide;
  for (int c = 0; c < count; ++c)
    sheet.put(top + c / across * cell_height, kGap + c % across * cell_width,
              grey(values.data() + c * area, area).data(), 1, high, wide, times);
  sheet.write(out);
  return count;
}

}  // namespace espalier::cli
