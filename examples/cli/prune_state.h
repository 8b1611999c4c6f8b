// PruneState: everything that a pruning which was interrupted needs beside the network and the
// progress of its training: what was asked for, what was measured on the way, and how far it is.
#pragma once

#include <optional>
#include <string>

#include "examples/cli/evaluate.h"
#include "examples/cli/prune_options.h"
#include "examples/cli/recipe.h"
#include "layers/layers.h"

namespace espalier::cli {

// What is measured before the training ends.
struct PruneFigures {
  Evaluation dense;         // before anything was pruned
  Evaluation before;        // pruned to the end, batch norm gathered anew, not fine-tuned
  double before_epoch = 0;  // how many epochs of the training had been by then
  pruning::Outcome outcome;
  pruning::Base base = {};  // what had been pruned before
  double original = 0;      // how many the original network had of what the scope counts
};

struct PruneState {
  std::string file;        // the model that is pruned, as the command line named it
  std::string file_hash;   // of its content, to notice that another model is there by now
  std::string model;       // the built-in model that --model named; empty: none
  std::string weights;     // the fingerprint of the model that is pruned (layers/model.h)
  bool no_report = false;  // no page is wanted
  PruneOptions options;
  Recipe recipe;                 // of the training, in each level of a lottery
  std::optional<Recipe> origin;  // of the training that the model came from
  PruneFigures figures = {};
  int level = 0;  // of a lottery: the one that runs; 0: the training that is rewound to
  // Of a lottery: the weights that levels go back to, and before the first one, the dense ones.
  std::optional<pruning::Snapshot> snapshot = {};
  bool finished = false;
};

std::string hash_of_file(const std::string& path);

// Into and from a model file: metadata "espalier.pruning", and the snapshot as extra tensors. None
// where the file holds none; what is broken is an Error that begins with the path.
void store(const PruneState& state, layers::SaveOptions& options);
std::optional<PruneState> prune_state(const layers::ModelFile& file, const std::string& path);

}  // namespace espalier::cli
