// Resuming: what has to be there, and the same.
#include "examples/cli/resume.h"

#include "core/error.h"
#include "core/parallel.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/interrupt.h"

namespace espalier::cli {
namespace {

std::string kind_of(const Checkpoint& checkpoint) {
  return checkpoint.pruning ? "pruning" : "training";
}

std::string how_to_resume(const Checkpoint& checkpoint, const std::string& file) {
  return "(resume it with: " + resume_command(checkpoint, file, file) + ")";
}

void check_same_data(const Progress& progress, const datasets::Data& data,
                     const std::string& file) {
  if (!progress.data) return;  // then the number of steps is all there is to check
  const std::string difference = datasets::difference(datasets::fingerprint(data), *progress.data);
  check(difference.empty(), file, ": ", difference, " as where its training began (--data names ",
        "the data)");
}

std::string or_none(const Json& json, const std::string& key) {
  return json.contains(key) ? json[key].dump() : "none";
}

}  // namespace

std::string resume_command(const Checkpoint& checkpoint, const std::string& file,
                           const std::string& out) {
  return std::string("espalier ") + (checkpoint.pruning ? "prune" : "train") + " --resume " +
         shell_word(file) + data_argument() + " --out " + shell_word(out);
}

ModelAndData load_interrupted(const ModelSource& source, const std::string& command) {
  ModelAndData loaded = load_with_data(source);
  const Checkpoint& checkpoint = loaded.checkpoint;
  const std::string& file = source.file;
  const bool prune = command == "prune";
  if (checkpoint.finished() && prune)
    fail(file, ": found a network that is finished, expected a pruning that was interrupted");
  check(checkpoint.progress.has_value(), file,
        ": found a model without a training to go on with, expected a checkpoint");
  if (checkpoint.finished())
    fail(file, ": found a training that is finished (", checkpoint.progress->epochs_done,
         " epochs), expected one that was interrupted");
  if (checkpoint.pruning.has_value() != prune)
    fail(file, ": found a ", kind_of(checkpoint), " that was interrupted, expected a ",
         prune ? "pruning " : "training ", how_to_resume(checkpoint, file));
  check_same_data(*checkpoint.progress, loaded.data, file);
  if (const int threads = checkpoint.progress->threads; threads > 0 && threads != num_threads())
    say("note: " + file + " was trained with --threads " + std::to_string(threads) + "; with " +
        std::to_string(num_threads()) + " it does not end in the same bits");
  return loaded;
}

void check_finished(const Checkpoint& checkpoint, const std::string& file) {
  if (!checkpoint.finished())
    fail(file, ": found a ", kind_of(checkpoint), " that was interrupted, expected one that is ",
         "finished ", how_to_resume(checkpoint, file));
}

void expect_same(const Json& asked, const Json& stored, const std::string& what,
                 const std::string& file) {
  Json keys = stored;
  keys.update(asked);
  for (const auto& [key, value] : keys.items()) {
    const std::string found = or_none(asked, key), expected = or_none(stored, key);
    if (found != expected)
      throw UsageError(option_of(key) + ": found " + found + ", expected " + expected + " as the " +
                       what + " in " + file + " began with");
  }
}

std::string position(const Checkpoint& checkpoint) {
  const Progress& progress = *checkpoint.progress;
  std::string text;
  if (const auto& pruning = checkpoint.pruning; pruning && pruning->level > 0)
    text = "in level " + std::to_string(pruning->level) + " of " +
           std::to_string(pruning->options.steps) + ", ";
  text += "after epoch " + std::to_string(progress.epochs_done) + " of " +
          std::to_string(progress.recipe.epochs);
  if (progress.epoch.steps > 0) text += " and step " + std::to_string(progress.epoch.steps);
  return text;
}

}  // namespace espalier::cli
