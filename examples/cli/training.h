// Training: the one loop of all commands. What happens beside it (a log, a checkpoint, a pruner)
// hangs on in hooks.
#pragma once

#include <functional>
#include <string>

#include "examples/cli/checkpoint.h"
#include "examples/cli/evaluate.h"

namespace espalier::cli {

// What one epoch came to.
struct EpochReport {
  int epoch = 0;        // from 1
  double loss = 0;      // mean over the epoch's steps, as they went
  double accuracy = 0;  // on the pictures trained on, likewise
  double lr = 0;        // of the last step
  double seconds = 0;   // of training; evaluation is not counted
  double images_per_second = 0;
  Evaluation test;
};

struct TrainHooks {
  // Before the pass forward, and after the optimiser's step.
  std::function<void(const datasets::Batch&batch)> before_step = {}, after_step = {};
  // Where training goes on in the middle of an epoch: the batches before that in their order, at
  // most `recalls` of them, which were trained on before it was interrupted.
  std::function<void(const datasets::Batch& batch)> recall = {};
  int recalls = 0;
  // After an epoch, before the next one begins; false ends training here.
  std::function<bool(const EpochReport&)> after_epoch = {};
  // An interrupt was asked for; the progress is that of the last step, whether an epoch ends there
  // or not. Throws Interrupted, saying what is left behind.
  std::function<void()> interrupted = {};
};

// Trains by the progress's recipe from where it stands, be it in the middle of an epoch, and moves
// it on. Throws Interrupted after a step where that was asked for, and an Error that names
// epoch, step and layer when a value is no longer finite; the model is then of no use.
// Returns the last epoch's report, with the rate over all epochs trained here.
EpochReport train(const layers::Model& model, const datasets::Data& data,
                  const datasets::Normalisation& normalisation, Progress& progress,
                  const TrainHooks& hooks = {});

// One line, for people.
std::string line_of(const EpochReport& report, int epochs);
Json json_of(const EpochReport& report);

}  // namespace espalier::cli
