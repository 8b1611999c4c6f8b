// Progress: where a training stands, and what it needs to find unchanged to go on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "datasets/datasets.h"
#include "examples/cli/json.h"
#include "examples/cli/recipe.h"

namespace espalier::cli {

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
  // The data of the training. None before it has begun, and in files of versions that did not
  // record it.
  std::optional<datasets::Fingerprint> data = {};
  int threads = 0;  // by which it was trained last; with another number of them, sums round
                    // differently. 0: not known

  bool finished() const { return epochs_done >= recipe.epochs; }
};

Json to_json(const Progress& progress);
// Strict: an error that begins with `file`.
Progress progress_from(const Json& json, const std::string& file);

}  // namespace espalier::cli
