// Prediction: the likeliest classes of pictures.
#pragma once

#include <string>
#include <vector>

#include "examples/cli/checkpoint.h"

namespace espalier::cli {

struct Guess {
  int label;
  std::string name;
  double probability;
};

// Bytes [C][H][W] of a picture as the network takes them, normalised: [1, C, H, W].
Tensor input_of(const Checkpoint& checkpoint, const std::vector<std::uint8_t>& bytes);

struct PredictOptions {
  std::size_t guesses = 5;
  std::int64_t max_pixels = datasets::kMostPixels;  // of the image as it is in its file
};
// The likeliest classes of one image file of any size and format, best first.
std::vector<Guess> predict(const Checkpoint& checkpoint, const std::string& picture,
                           const PredictOptions& options = {});
// "cat 91.2 %, dog 5.1 %"
std::string text_of(const std::vector<Guess>& guesses);
// The same with a line and a bar for each.
std::string lines_of(const std::vector<Guess>& guesses);
Json json_of(const std::string& picture, const std::vector<Guess>& guesses);

}  // namespace espalier::cli
