// Training as train and run do it: with a line an epoch, a log and a checkpoint after each.
#pragma once

#include <string>

#include "examples/cli/training.h"

namespace espalier::cli {

struct TrainOptions {
  std::function<void(const datasets::Batch& batch)> after_step = {};
  // After an epoch, before the checkpoint is written; what it returns goes into the log, unless it
  // is empty.
  std::function<Json(const EpochReport& report)> after_epoch = {};
  std::vector<std::string> log = {};  // the lines of a resumed training's log, which go on
  bool keep_log = false;              // that of `out` goes on, with `event` as its next line
  Json event = Json::object();        // else what the log's first line says beside the recipe
  bool resumable = true;  // false: the files on the way are models without a training to go on with
  bool masks = true;      // false: the file of the finished training has none
  std::string lost = {};  // what going on after an interrupt would not do, to be said then
};

// Trains on from the checkpoint's progress and writes it to `out` after every epoch, and where it
// is interrupted. Ends early after epoch `stop_after` where that is not 0.
EpochReport train_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        int stop_after = 0, const TrainOptions& options = {});

}  // namespace espalier::cli
