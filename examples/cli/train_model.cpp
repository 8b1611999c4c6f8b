// Training with a log and checkpoints.
#include "examples/cli/train_model.h"

#include "core/system.h"
#include "examples/cli/command_line.h"
#include "examples/cli/console.h"
#include "examples/cli/log.h"

namespace espalier::cli {

EpochReport train_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        int stop_after, const TrainOptions& options) {
  Progress& progress = *checkpoint.progress;
  Log log(out, progress.epochs_done);
  if (progress.epochs_done == 0) {
    Json first{{"event", "train"},
               {"command", command_line()},
               {"model", checkpoint.model.name()},
               {"data", data.name}};
    first.update(options.event);
    first.update({{"recipe", to_json(progress.recipe)}, {"system", describe()}});
    log.write(first);
  }
  TrainHooks hooks;
  hooks.after_step = options.after_step;
  hooks.after_epoch = [&](const EpochReport& report) {
    say(line_of(report, progress.recipe.epochs));
    log.write(json_of(report));
    const Json event = options.after_epoch ? options.after_epoch(report) : Json();
    if (!event.empty()) log.write(event);
    if (options.resumable || progress.finished())
      save_checkpoint(checkpoint, out);
    else
      save_checkpoint({checkpoint.model, checkpoint.input, {}}, out);
    return progress.epochs_done != stop_after;
  };
  return train(checkpoint.model, data, checkpoint.input->normalisation, progress, hooks);
}

}  // namespace espalier::cli
