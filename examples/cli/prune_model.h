// Pruning as prune and run do it: before, within or around a training, with what it costs.
#pragma once

#include <string>

#include "examples/cli/model_source.h"
#include "examples/cli/train_model.h"

namespace espalier::cli {

struct PruneReport : PruneFigures {
  EpochReport last;  // of the training afterwards; nothing of it without one
  std::string unit;  // that `original` counts: "weights"
  bool trained = false;

  const Evaluation& after() const { return trained ? last.test : before; }
};

// Makes the checkpoint, which was read from `source`, one of a pruning that has not begun. It
// trains by `recipe`; with 0 epochs nothing is trained.
void begin_pruning(Checkpoint& checkpoint, const ModelSource& source, const PruneOptions& options,
                   const Recipe& recipe);

// Prunes and trains as the checkpoint's pruning says, from its beginning or, of the checkpoint in
// `resumed`, from where that stands. Writes to `out` after every epoch and in the end, and where it
// is interrupted.
PruneReport prune_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        const std::string& resumed = "");

// Fine-tuning of a network that was trained by this recipe: 4 epochs of cosine from three tenths of
// its rate; of one from elsewhere, from 0.03.
Recipe fine_tuning(const Checkpoint& checkpoint, const datasets::Data& data);

// "sparsity 80.00 % of the original network's 1,000 weights; 60.00 % of the 500 in the file".
std::string sparsity_text(const PruneReport& report);

}  // namespace espalier::cli
