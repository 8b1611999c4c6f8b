// Checkpoint: a model file with what evaluation, prediction and further training need beside the
// network: how inputs are normalised, the classes' names, the recipe and how far it has come, and
// the state of a pruning that was interrupted.
#pragma once

#include <optional>
#include <string>

#include "datasets/datasets.h"
#include "examples/cli/prune_state.h"
#include "examples/cli/training_progress.h"
#include "layers/layers.h"

namespace espalier::cli {

using datasets::InputInfo;

struct Checkpoint {
  layers::Model model;
  std::optional<InputInfo> input;          // not there in files from elsewhere
  std::optional<Progress> progress;        // likewise
  std::optional<PruneState> pruning = {};  // in files, of one that is not finished

  bool finished() const { return pruning ? pruning->finished : !progress || progress->finished(); }
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
