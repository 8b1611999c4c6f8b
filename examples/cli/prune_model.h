// Pruning as prune and run do it: before, within or around a training, with what it costs.
#pragma once

#include <string>

#include "examples/cli/prune_options.h"
#include "examples/cli/train_model.h"

namespace espalier::cli {

struct PruneReport {
  Evaluation dense;         // before anything went
  Evaluation before;        // pruned to the end, batch norm gathered anew, not fine-tuned
  double before_epoch = 0;  // how many epochs of the training had been by then
  EpochReport last;         // of the training afterwards; nothing of it without one
  pruning::Outcome outcome;
  pruning::Base base;   // what had been pruned before
  double original = 0;  // how many of `unit` the original network had
  std::string unit;     // "weights"
  bool trained = false;

  const Evaluation& after() const { return trained ? last.test : before; }
};

// Prunes the checkpoint's model and trains it by `recipe`, which becomes the checkpoint's; with
// 0 epochs nothing is trained. Writes to `out` after every epoch, and in the end in any case.
PruneReport prune_model(Checkpoint& checkpoint, const datasets::Data& data,
                        const PruneOptions& options, const Recipe& recipe, const std::string& out);

// Fine-tuning of a network that was trained by this recipe: 4 epochs of cosine from three tenths of
// its rate; of one from elsewhere, from 0.03.
Recipe fine_tuning(const Checkpoint& checkpoint, const datasets::Data& data);

// Pictures that a criterion judges by, in batches, shuffled by the seed, not augmented.
std::vector<pruning::Examples> scoring_batches(const datasets::Dataset& train,
                                               const datasets::Normalisation& normalisation,
                                               std::int64_t pictures, std::uint64_t seed);

// "sparsity 80.00 % of the original network's 1,000 weights; 60.00 % of the 500 in the file".
std::string sparsity_text(const PruneReport& report);
Json json_of(const pruning::Outcome& outcome);
std::string text_of(const pruning::Outcome& outcome);  // a table, a list a line

}  // namespace espalier::cli
