// Training with a log and checkpoints.
#include "examples/cli/train_model.h"

#include "core/system.h"
#include "examples/cli/command_line.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/interrupt.h"
#include "examples/cli/log.h"

namespace espalier::cli {
namespace {

// Where a training was interrupted, and what is to be done about it.
std::string sentence(const Progress& progress, const std::string& out, const TrainOptions& o) {
  const std::string of = " of " + std::to_string(progress.recipe.epochs);
  std::string text = "interrupted ";
  if (progress.epoch.steps == 0)
    text += "after epoch " + std::to_string(progress.epochs_done) + of;
  else
    text += "in epoch " + std::to_string(progress.epochs_done + 1) + of + ", after step " +
            std::to_string(progress.epoch.steps);
  const std::string file = shell_word(out);
  if (!o.resumable)
    return text + "; " + out + " holds the network as it stands, this training cannot go on";
  return text + "; " + out + " holds it all, go on with: espalier train --resume " + file +
         data_argument() + " --out " + file + o.lost;
}

}  // namespace

EpochReport train_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        int stop_after, const TrainOptions& options) {
  Progress& progress = *checkpoint.progress;
  Log log(out, options.keep_log ? log_lines(out) : options.log);
  if (log.empty()) {  // a new one, or the model alone was brought here
    Json first{{"event", "train"},
               {"command", command_line()},
               {"model", checkpoint.model.name()},
               {"data", data.name}};
    first.update(options.event);
    first.update({{"recipe", to_json(progress.recipe)}, {"system", describe()}});
    log.write(first);
  } else if (options.keep_log) {
    log.write(options.event);
  } else {
    log.write({{"event", "resume"},
               {"command", command_line()},
               {"epoch", progress.epochs_done},
               {"system", describe()}});
  }
  const auto save = [&] {
    if (options.resumable || progress.finished())
      save_checkpoint(checkpoint, out, options.masks);
    else
      save_checkpoint({checkpoint.model, checkpoint.input, {}}, out);
    log.commit();
  };
  TrainHooks hooks;
  hooks.after_step = options.after_step;
  hooks.after_epoch = [&](const EpochReport& report) {
    say(line_of(report, progress.recipe.epochs));
    const Json event = options.after_epoch ? options.after_epoch(report) : Json();
    log.write(json_of(report), &checkpoint.model);
    if (!event.empty()) log.write(event, &checkpoint.model);
    save();
    return progress.epochs_done != stop_after;
  };
  hooks.interrupted = [&] {
    if (progress.epoch.steps > 0) {
      log.write({{"event", "interrupted"},
                 {"epoch", progress.epochs_done + 1},
                 {"step", progress.epoch.steps}},
                &checkpoint.model);
      save();
    }
    throw Interrupted(sentence(progress, out, options));
  };
  return train(checkpoint.model, data, checkpoint.input->normalisation, progress, hooks);
}

}  // namespace espalier::cli
