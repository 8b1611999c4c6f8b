// Checkpoint: a model file with what evaluation, prediction and further training need beside the
// network: how inputs are normalised, the classes' names, the recipe and how far it has come.
#pragma once

#include <optional>
#include <string>

#include "datasets/datasets.h"
#include "examples/cli/recipe.h"
#include "layers/layers.h"

namespace espalier::cli {

using datasets::InputInfo;

// What an epoch has come to so far.
struct EpochSoFar {
  std::int64_t steps = 0, images = 0, correct = 0;
  double loss = 0;  // summed over the pictures
  double seconds = 0;
};

// Where a training stands. Once it is finished, the file keeps no optimiser state.
struct Progress {
  Recipe recipe;
  int epochs_done = 0;
  std::int64_t steps_done = 0;  // those of the epoch so far among them
  EpochSoFar epoch = {};        // of the epoch that was interrupted; no steps between two epochs

  bool finished() const { return epochs_done >= recipe.epochs; }
};

struct Checkpoint {
  layers::Model model;
  std::optional<InputInfo> input;    // not there in files from elsewhere
  std::optional<Progress> progress;  // likewise
};

// Without masks only where there is no training to go on with (layers/model_file.h).
void save_checkpoint(const Checkpoint& checkpoint, const std::string& path, bool masks = true);

// What a weight or a running statistic that is not finite does to a command.
enum class NonFinite { Refused, Warned };  // nothing can be measured or pruned by it; only shown

// The model in a file. Of a file with weights alone, `make` makes it (layers/model_file.h).
Checkpoint load_checkpoint(const std::string& path, const layers::ModelMaker& make = {},
                           NonFinite nonfinite = NonFinite::Refused);
Checkpoint load_checkpoint(SafeTensors file, const layers::ModelMaker& make = {},
                           NonFinite nonfinite = NonFinite::Refused);  // of a file in memory

// Fails before hours of work where the file could not be written in the end.
void check_writable(const std::string& path);

std::int64_t file_bytes(const std::string& path);

}  // namespace espalier::cli
