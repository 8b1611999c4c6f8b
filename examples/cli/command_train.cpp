// espalier train: a network from nothing, or from where an interrupted training stands.
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/log.h"
#include "examples/cli/model_source.h"
#include "examples/cli/train_model.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  std::string model, resume, out;
  DataOptions data;
  int stop_after = 0;
  RecipeOptions recipe;
};

// A resumed training goes on by its own recipe: an option that says otherwise is refused.
void expect_same(const Recipe& asked, const Recipe& stored, const std::string& file) {
  const Json a = to_json(asked), b = to_json(stored);
  for (const auto& [key, value] : a.items())
    if (value != b[key]) {
      std::string option = "--" + key;
      for (char& c : option) c = c == '_' ? '-' : c;
      throw UsageError(option + ": found " + value.dump() + ", expected " + b[key].dump() +
                       " as the training in " + file + " began with");
    }
}

ModelAndData begin(const Options& o, const std::string& model) {
  datasets::Data data = find_data(o.data);
  const Recipe recipe = with_options(o.recipe, default_recipe(model, data));
  const Shape pictures{data.train.channels, data.train.height, data.train.width};
  const int classes = static_cast<int>(data.train.classes.size());
  Checkpoint checkpoint{
      layers::make_model(model, classes, static_cast<std::uint64_t>(recipe.seed), pictures),
      datasets::input_info(data), Progress{recipe}};
  return {std::move(checkpoint), std::move(data)};
}

ModelAndData resume(const Options& o) {
  ModelAndData loaded = load_with_data({.file = o.resume, .data = o.data});
  const Checkpoint& checkpoint = loaded.checkpoint;
  check(checkpoint.progress.has_value(), o.resume,
        ": found a model without a training to go on with, expected a checkpoint");
  check(!checkpoint.progress->finished(), o.resume, ": found a training that is finished (",
        checkpoint.progress->epochs_done, " epochs), expected one that was interrupted");
  const Recipe& recipe = checkpoint.progress->recipe;
  expect_same(with_options(o.recipe, recipe), recipe, o.resume);
  const Progress& progress = *checkpoint.progress;
  check_option(o.stop_after == 0 || o.stop_after > progress.epochs_done, "--stop-after",
               o.stop_after,
               "more than the " + std::to_string(progress.epochs_done) + " epochs that are done");
  say("resumed after epoch " + std::to_string(progress.epochs_done) + " of " +
      std::to_string(recipe.epochs) +
      (progress.epoch.steps ? " and step " + std::to_string(progress.epoch.steps) : ""));
  return loaded;
}

Json act(const Options& o) {
  check_option(o.stop_after >= 0, "--stop-after", o.stop_after, "1 or more");
  const std::string model = o.model.empty() ? "convnet" : o.model;
  check_option(o.resume.empty() || o.model.empty(), "--model", o.model,
               "none beside --resume, whose file has its model");
  layers::model_choice(model);  // before the data is read
  with_options(o.recipe, {});
  const Claim claim = claim_model(o.out);
  auto [checkpoint, data] = o.resume.empty() ? begin(o, model) : resume(o);
  TrainOptions options;
  if (!o.resume.empty()) options.log = log_lines(o.resume, checkpoint);
  const EpochReport last = train_model(checkpoint, data, o.out, o.stop_after, options);
  say(o.out + ": written, " + with_commas(file_bytes(o.out)) + " bytes");
  return {{"accuracy", last.test.accuracy()},
          {"accuracy_deviation", last.test.deviation()},
          {"loss", last.test.loss},
          {"training_loss", last.loss},
          {"epochs", checkpoint.progress->epochs_done},
          {"images_per_second", last.images_per_second},
          {"bytes", file_bytes(o.out)},
          {"recipe", to_json(checkpoint.progress->recipe)}};
}

}  // namespace

void add_train(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "train", "Train a network", [o](auto&) { return act(*o); });
  command->add_option("--model", o->model, "Built-in model")
      ->check(one_of(model_names()))
      ->default_str("convnet");
  add_data_options(*command, o->data);
  add_size_options(*command, o->data);
  command->add_option("--out", o->out, "Model file to write, after every epoch")
      ->required()
      ->type_name(kFile);
  command->add_option("--resume", o->resume, "Checkpoint of a training to go on with")
      ->type_name(kFile);
  command
      ->add_option("--stop-after", o->stop_after,
                   "End after so many epochs from the beginning, to be resumed")
      ->default_str("none");
  add_recipe_options(*command, o->recipe);
  command->footer(
      "Example: espalier train --model convnet --epochs 12 --lr 0.1 --seed 0 "
      "--out convnet.safetensors");
}

}  // namespace espalier::cli
