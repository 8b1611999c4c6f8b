// Training as train and run do it: with a line an epoch, a log and a checkpoint after each.
#pragma once

#include <string>

#include "examples/cli/training.h"

namespace espalier::cli {

// Trains on from the checkpoint's progress and writes it to `out` after every epoch. Ends early
// after epoch `stop_after` where that is not 0.
EpochReport train_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        int stop_after = 0);

}  // namespace espalier::cli
