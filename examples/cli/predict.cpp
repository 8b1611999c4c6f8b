// Prediction: a picture through the network.
#include "examples/cli/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/reduce.h"
#include "examples/cli/console.h"
#include "examples/cli/evaluate.h"

namespace espalier::cli {

Tensor input_of(const Checkpoint& checkpoint, const std::vector<std::uint8_t>& bytes) {
  const Shape& input = checkpoint.model.input_shape();
  const auto& [mean, std] = checkpoint.input->normalisation;
  const std::size_t area = static_cast<std::size_t>(input[1] * input[2]);
  std::vector<float> values(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    values[i] = (static_cast<float>(bytes[i]) / 255 - mean[i / area]) / std[i / area];
  return Tensor::from({1, input[0], input[1], input[2]}, values);
}

std::vector<Guess> predict(const Checkpoint& checkpoint, const std::string& picture,
                           const PredictOptions& options) {
  const layers::Model& model = checkpoint.model;
  const Shape& input = model.input_shape();
  check(checkpoint.input.has_value(),
        "predict: found a model without normalisation and classes, expected a file that espalier "
        "has trained, one saved with datasets::metadata(), or --data with the training data");
  check(input.rank() == 3, "predict: found a network for inputs of ", input.str(),
        ", expected one for pictures [C, H, W]");
  const auto& info = *checkpoint.input;
  const int channels = static_cast<int>(input[0]), height = static_cast<int>(input[1]),
            width = static_cast<int>(input[2]);
  const auto bytes = datasets::read_picture(picture, channels, height, width, options.max_pixels);

  const NoGrad off;
  model.eval();
  const std::vector<float> shares =
      softmax(layers::outputs_of(model, input_of(checkpoint, bytes))).to_vector();
  check(std::all_of(shares.begin(), shares.end(), [](float s) { return std::isfinite(s); }),
        "predict: found outputs for ", picture,
        " that are not finite, expected finite ones (did the network's training diverge?)");
  std::vector<int> order(shares.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return shares[a] > shares[b]; });
  std::vector<Guess> result;
  for (std::size_t i = 0; i < std::min(options.guesses, order.size()); ++i) {
    const int label = order[i];
    const bool named = static_cast<std::size_t>(label) < info.classes.size();
    result.push_back({label, named ? info.classes[label] : std::to_string(label), shares[label]});
  }
  return result;
}

std::string text_of(const std::vector<Guess>& guesses) {
  std::string text;
  for (const Guess& guess : guesses)
    text += (text.empty() ? "" : ", ") + guess.name + " " + percent(guess.probability, 1);
  return text;
}

std::string lines_of(const std::vector<Guess>& guesses) {
  constexpr std::size_t kBar = 30;
  std::size_t width = 0;
  for (const Guess& guess : guesses) width = std::max(width, guess.name.size());
  std::string text;
  for (const Guess& guess : guesses) {
    std::string name = guess.name, share = percent(guess.probability, 1);
    name.resize(width, ' ');
    share.insert(0, share.size() < 7 ? 7 - share.size() : 0, ' ');
    const auto bar = static_cast<std::size_t>(std::lround(kBar * guess.probability));
    if (text.empty()) name = paint(Style::Bold, name);
    text += "\n  " + name + "  " + share + "  " + std::string(bar, '#');
  }
  return text;
}

Json json_of(const std::string& picture, const std::vector<Guess>& guesses) {
  Json classes = Json::array();
  for (const Guess& guess : guesses)
    classes.push_back(
        {{"label", guess.label}, {"class", guess.name}, {"probability", guess.probability}});
  return {{"image", picture}, {"class", guesses.at(0).name}, {"classes", classes}};
}

}  // namespace espalier::cli
