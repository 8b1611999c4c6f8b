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

// The likeliest classes of one picture file of any size and format, best first.
std::vector<Guess> predict(const Checkpoint& checkpoint, const std::string& picture,
                           std::size_t guesses = 5);
// "cat 91.2 %, dog 5.1 %"
std::string text_of(const std::vector<Guess>& guesses);
Json json_of(const std::string& picture, const std::vector<Guess>& guesses);

}  // namespace espalier::cli
