// Training with a log and checkpoints.
#include "examples/cli/train_model.h"

#include "core/parallel.h"
#include "core/system.h"
#include "examples/cli/command_line.h"
#include "examples/cli/console.h"
#include "examples/cli/interrupt.h"
#include "examples/cli/resume.h"

namespace espalier::cli {

Log begin_log(const Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
              const std::string& resumed, const Json& first) {
  const std::optional<PruneState>& pruning = checkpoint.pruning;
  Log log(out, resumed.empty() ? std::vector<std::string>() : log_lines(resumed, checkpoint));
  if (log.empty()) {  // a new one, or the model alone was brought here
    Json line{{"event", first.at("event")},
              {"command", command_line()},
              {"model", checkpoint.model.name()},
              {"data", data.name}};
    line.update(first);
    line.update({{"recipe", to_json(pruning ? pruning->recipe : checkpoint.progress->recipe)},
                 {"system", describe()}});
    log.write(line);
  } else {
    log.write({{"event", "resume"},
               {"command", command_line()},
               {"epoch", checkpoint.progress->epochs_done},
               {"system", describe()}});
  }
  return log;
}

EpochReport train_model(Checkpoint& checkpoint, const datasets::Data& data, const std::string& out,
                        Log& log, const TrainOptions& options) {
  Progress& progress = *checkpoint.progress;
  if (!progress.data) progress.data = datasets::fingerprint(data);
  progress.threads = num_threads();
  const auto save = [&] {
    save_checkpoint(checkpoint, out, options.masks);
    log.commit();
  };
  TrainHooks hooks = options.hooks;
  hooks.after_epoch = [&](const EpochReport& report) {
    say(line_of(report, progress.recipe.epochs));
    const std::vector<Json> events =
        options.after_epoch ? options.after_epoch(report) : std::vector<Json>();
    log.write(json_of(report), &checkpoint.model);  // as it is after these events, and written
    for (const Json& event : events) log.write(event, &checkpoint.model);
    save();
    return progress.epochs_done != options.stop_after;
  };
  hooks.interrupted = [&] {
    if (progress.epoch.steps > 0) {
      log.write({{"event", "interrupted"},
                 {"epoch", progress.epochs_done + 1},
                 {"step", progress.epoch.steps}},
                &checkpoint.model);
      save();
    }
    throw Interrupted("interrupted " + position(checkpoint) + "; " + out +
                      " holds it all, go on with: " + resume_command(checkpoint, out, out));
  };
  return train(checkpoint.model, data, checkpoint.input->normalisation, progress, hooks);
}

}  // namespace espalier::cli
