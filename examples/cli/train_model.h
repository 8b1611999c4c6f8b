// Training as train, prune and run do it: with a line an epoch, a log and a checkpoint after each.
#pragma once

#include <string>
#include <vector>

#include "examples/cli/log.h"
#include "examples/cli/training.h"

namespace espalier::cli {

// The log of what the checkpoint is about to go through, to be written to `out`. A new one begins
// with the recipe, and with what `first` says. That of `resumed`, where it is not empty and the
// checkpoint is as it was read from there, goes on from where the checkpoint stands.
Log begin_log(const Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
              const std::string& resumed = "",
              const Json& first = Json::object({{"event", "train"}}));

struct TrainOptions {
  TrainHooks hooks = {};  // what happens within an epoch
  // After an epoch, before the checkpoint is written; what it returns goes into the log.
  std::function<std::vector<Json>(const EpochReport& report)> after_epoch = {};
  int stop_after = 0;  // the epoch to end after; 0: the last one
  bool masks = true;   // false: the file of what is finished then has none
};

// Trains on from the checkpoint's progress and writes it to `out` after every epoch, and where it
// is interrupted.
EpochReport train_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        Log& log, const TrainOptions& options = {});

}  // namespace espalier::cli
