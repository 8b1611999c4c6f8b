// Checkpoint: to and from a file's metadata.
#include "examples/cli/checkpoint.h"

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "examples/cli/console.h"

namespace espalier::cli {
namespace {

const std::string kTraining = "espalier.training";

EpochSoFar epoch_from(const Json& json) {
  EpochSoFar epoch;
  json.at("steps").get_to(epoch.steps);
  json.at("images").get_to(epoch.images);
  json.at("correct").get_to(epoch.correct);
  json.at("loss").get_to(epoch.loss);
  json.at("seconds").get_to(epoch.seconds);
  return epoch;
}

Json to_json(const EpochSoFar& epoch) {
  return {{"steps", epoch.steps},
          {"images", epoch.images},
          {"correct", epoch.correct},
          {"loss", epoch.loss},
          {"seconds", epoch.seconds}};
}

Progress progress_from(const std::string& text, const std::string& file) {
  const Json json = Json::parse(text, nullptr, false);
  check(json.is_object(), file, ": found metadata ", kTraining,
        " that is no JSON object, expected one");
  Progress progress;
  try {
    progress.recipe = recipe_from(json.at("recipe"), file);
    json.at("epochs_done").get_to(progress.epochs_done);
    json.at("steps_done").get_to(progress.steps_done);
    if (json.contains("epoch")) progress.epoch = epoch_from(json["epoch"]);
  } catch (const Json::exception&) {
    fail(file, ": found metadata ", kTraining,
         " that cannot be read, expected recipe, "
         "epochs_done and steps_done");
  }
  check(progress.epochs_done >= 0 && progress.epochs_done <= progress.recipe.epochs &&
            progress.steps_done >= 0,
        file, ": found ", progress.epochs_done, " epochs done, expected 0 to ",
        progress.recipe.epochs);
  const EpochSoFar& epoch = progress.epoch;
  check(epoch.steps >= 0 && epoch.steps <= progress.steps_done && epoch.correct >= 0 &&
            epoch.correct <= epoch.images && std::isfinite(epoch.loss) && epoch.seconds >= 0 &&
            (epoch.steps == 0) == (epoch.images == 0) && !(epoch.steps && progress.finished()),
        file, ": found ", epoch.steps, " steps and ", epoch.images,
        " pictures of an epoch, expected an epoch that was interrupted");
  return progress;
}

}  // namespace

void save_checkpoint(const Checkpoint& checkpoint, const std::string& path, bool masks) {
  layers::SaveOptions options;
  if (checkpoint.input) options.metadata = datasets::metadata(*checkpoint.input);
  if (checkpoint.progress) {
    options.states = !checkpoint.progress->finished();
    Json training{{"recipe", to_json(checkpoint.progress->recipe)},
                  {"epochs_done", checkpoint.progress->epochs_done},
                  {"steps_done", checkpoint.progress->steps_done}};
    if (checkpoint.progress->epoch.steps > 0)
      training["epoch"] = to_json(checkpoint.progress->epoch);
    options.metadata[kTraining] = training.dump();
  }
  options.masks = masks || options.states;
  layers::save(checkpoint.model, path, options);
}

Checkpoint load_checkpoint(const std::string& path, const layers::ModelMaker& make,
                           NonFinite nonfinite) {
  return load_checkpoint(SafeTensors::read(path), make, nonfinite);
}

Checkpoint load_checkpoint(SafeTensors content, const layers::ModelMaker& make,
                           NonFinite nonfinite) {
  const std::string path = content.path();
  layers::ModelFile file = layers::load_file(std::move(content), make);
  Checkpoint checkpoint{std::move(file.model), {}, {}};
  const auto& metadata = file.metadata;
  checkpoint.input = datasets::input_info(metadata, path);
  if (const auto found = metadata.find(kTraining); found != metadata.end())
    checkpoint.progress = progress_from(found->second, path);
  const Shape& input = checkpoint.model.input_shape();
  if (checkpoint.input && input.rank() == 3)
    check(static_cast<std::int64_t>(checkpoint.input->normalisation.mean.size()) == input[0], path,
          ": found a normalisation of ", checkpoint.input->normalisation.mean.size(),
          " channels, expected ", input[0]);
  if (const std::string tensor = layers::first_nonfinite(checkpoint.model); !tensor.empty()) {
    const std::string text = path + ": tensor " + tensor + ": found a value that is not finite, " +
                             "expected finite ones (did the training diverge?)";
    check(nonfinite == NonFinite::Warned, text);
    say("warning: " + text);
  }
  return checkpoint;
}

void check_writable(const std::string& path) { AtomicFile probe(path); }

std::int64_t file_bytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  check(!error, path, ": cannot be measured, ", error.message());
  return static_cast<std::int64_t>(bytes);
}

}  // namespace espalier::cli
