// espalier train: a network from nothing, or from where an interrupted training stands.
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/resume.h"
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
  ModelAndData loaded = load_interrupted({.file = o.resume, .data = o.data}, "train");
  const Checkpoint& checkpoint = loaded.checkpoint;
  const Recipe& recipe = checkpoint.progress->recipe;
  expect_same(to_json(with_options(o.recipe, recipe)), to_json(recipe), "training", o.resume);
  const Progress& progress = *checkpoint.progress;
  check_option(o.stop_after == 0 || o.stop_after > progress.epochs_done, "--stop-after",
               o.stop_after,
               "more than the " + std::to_string(progress.epochs_done) + " epochs that are done");
  say("resumed " + position(checkpoint));
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
  Log log = begin_log(checkpoint, data, o.out, o.resume);
  const EpochReport last = train_model(checkpoint, data, o.out, log, {.stop_after = o.stop_after});
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
