// What the log beside a model says of how it was made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/cli/checkpoint.h"

namespace espalier::cli {

struct LogFacts {
  std::string event, data, command, system;  // event: "train", "prune", "compact"; empty: no log
  bool interrupted = false;  // in an epoch: the model is another one than the last epoch's
  std::vector<std::string> resumed = {};  // the commands by which it went on
  std::optional<std::int64_t> seed;
  std::string recipe, pruning;  // in words: "4 epochs, batch 128, sgd, rate 0.03, cosine"
  bool from_beginning = false;  // a pruning whose training begins with the first weights
  struct Epoch {
    int epoch = 0;
    double test_accuracy = 0, test_loss = 0;
    std::int64_t images = 0;  // of the test; 0: not known
  };
  std::vector<Epoch> epochs;
  // Of a pruning: test accuracies without and with training on, and the pictures of both; 0: not
  // known.
  std::optional<double> dense, before_finetune, pruned;  // dense: before anything went
  std::optional<double> before_epochs;  // epochs that had been by then: with a schedule, some
  std::int64_t pruned_images = 0;

  // The accuracy from which fine-tuning began; nothing where training began with first weights.
  std::optional<double> just_pruned() const {
    return from_beginning ? std::nullopt : before_finetune;
  }
};

// Of the log beside the model, what is about the weights that were read (examples/cli/log.h).
// Nothing of what it does not say, or where there is none.
LogFacts read_log(const std::string& model_path, const Checkpoint& read);
// The same of lines; those that cannot be read are left out.
LogFacts facts_of(const std::vector<std::string>& lines);

}  // namespace espalier::cli
