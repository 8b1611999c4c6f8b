// Progress: to and from JSON.
#include "examples/cli/training_progress.h"

#include <cmath>

#include "core/error.h"

namespace espalier::cli {
namespace {

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

datasets::Fingerprint fingerprint_from(const Json& json) {
  datasets::Fingerprint data;
  json.at("train_images").get_to(data.train_images);
  json.at("test_images").get_to(data.test_images);
  json.at("shape").get_to(data.shape);
  json.at("classes").get_to(data.classes);
  json.at("hash").get_to(data.hash);
  return data;
}

Json to_json(const datasets::Fingerprint& data) {
  return {{"train_images", data.train_images},
          {"test_images", data.test_images},
          {"shape", data.shape},
          {"classes", data.classes},
          {"hash", data.hash}};
}

}  // namespace

Json to_json(const Progress& progress) {
  Json json{{"recipe", to_json(progress.recipe)},
            {"epochs_done", progress.epochs_done},
            {"steps_done", progress.steps_done}};
  if (progress.epoch.steps > 0) json["epoch"] = to_json(progress.epoch);
  if (progress.data) json["data"] = to_json(*progress.data);
  if (progress.threads > 0 && !progress.finished()) json["threads"] = progress.threads;
  return json;
}

Progress progress_from(const Json& json, const std::string& file) {
  Progress progress;
  try {
    progress.recipe = recipe_from(json.at("recipe"), file);
    json.at("epochs_done").get_to(progress.epochs_done);
    json.at("steps_done").get_to(progress.steps_done);
    if (json.contains("epoch")) progress.epoch = epoch_from(json["epoch"]);
    if (json.contains("data")) progress.data = fingerprint_from(json["data"]);
    if (json.contains("threads")) json["threads"].get_to(progress.threads);
  } catch (const Json::exception&) {
    fail(file,
         ": found a training that cannot be read, expected recipe, epochs_done and steps_done");
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
  check(!progress.data || progress.data->shape.size() == 3, file,
        ": found a training on data whose images do not have three sizes, expected [C, H, W]");
  return progress;
}

}  // namespace espalier::cli
