// Prediction: a picture through the network.
#include "examples/cli/predict.h"

#include <algorithm>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/reduce.h"
#include "examples/cli/console.h"
#include "examples/cli/evaluate.h"

namespace espalier::cli {

std::vector<Guess> predict(const Checkpoint& checkpoint, const std::string& picture,
                           std::size_t guesses) {
  const layers::Model& model = checkpoint.model;
  const Shape& input = model.input_shape();
  check(checkpoint.input.has_value(),
        "predict: found a model without normalisation and classes, "
        "expected a file that espalier has trained");
  check(input.rank() == 3, "predict: found a network for inputs of ", input.str(),
        ", expected one for pictures [C, H, W]");
  const auto& info = *checkpoint.input;
  const int channels = static_cast<int>(input[0]), height = static_cast<int>(input[1]),
            width = static_cast<int>(input[2]);
  const auto bytes = datasets::read_picture(picture, channels, height, width);
  std::vector<float> values(bytes.size());
  const std::size_t area = static_cast<std::size_t>(height) * width;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    values[i] = (static_cast<float>(bytes[i]) / 255 - info.normalisation.mean[i / area]) /
                info.normalisation.std[i / area];

  const NoGrad off;
  model.eval();
  const std::vector<float> shares =
      softmax(layers::outputs_of(model, Tensor::from({1, channels, height, width}, values)))
          .to_vector();
  std::vector<int> order(shares.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return shares[a] > shares[b]; });
  std::vector<Guess> result;
  for (std::size_t i = 0; i < std::min(guesses, order.size()); ++i) {
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

Json json_of(const std::string& picture, const std::vector<Guess>& guesses) {
  Json classes = Json::array();
  for (const Guess& guess : guesses)
    classes.push_back(
        {{"label", guess.label}, {"class", guess.name}, {"probability", guess.probability}});
  return {{"image", picture}, {"class", guesses.at(0).name}, {"classes", classes}};
}

}  // namespace espalier::cli
