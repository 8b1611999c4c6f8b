// espalier run: the whole story on one data set: train, prune, fine-tune, predict.
#include <filesystem>

#include "core/error.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/predict.h"
#include "examples/cli/prune_model.h"
#include "examples/cli/report.h"
#include "examples/cli/train_model.h"

namespace espalier::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string data, out = "espalier-run", model = "convnet";
  RecipeOptions recipe;
};

void make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error && fs::is_directory(folder), folder, ": cannot be made, ", error.message());
}

// Some test pictures, written as files and read again, as a user's photo would be.
void show_predictions(const Checkpoint& checkpoint, const datasets::Dataset& test,
                      const std::string& folder) {
  constexpr std::int64_t kPictures = 4;
  const std::int64_t bytes = std::int64_t{test.channels} * test.height * test.width;
  make_folder(folder);
  for (std::int64_t i = 0; i < std::min(kPictures, test.size()); ++i) {
    const std::string& truth = test.classes[test.labels[i]];
    const std::string path = folder + "/" + std::to_string(i) + "-" + truth + ".png";
    const auto picture = test.images.begin() + i * bytes;
    datasets::write_picture(path, {picture, picture + bytes}, test.channels, test.height,
                            test.width);
    answer(path + ": " + text_of(predict(checkpoint, path, 3)));
  }
}

// Nine of ten weights go, by magnitude over all layers, and the others train on.
Json prune_it(const std::string& dense, const datasets::Data& data, const std::string& out) {
  PruneOptions options;
  options.scope = "global";
  options.sparsity = 0.9;
  Checkpoint checkpoint = load_checkpoint(dense);
  say("pruning 90 % of the weights, by magnitude over all layers");
  const PruneReport report =
      prune_model(checkpoint, data, options, fine_tuning(checkpoint, data), out);
  const Checkpoint written = load_checkpoint(out);
  const Evaluation result = evaluate(written.model, data.test, written.input->normalisation);
  const layers::Summary summary = layers::summary(written.model);
  answer(out + ": " + text_of(result, summary, file_bytes(out)));
  show_predictions(written, data.test, fs::path(out).parent_path().string() + "/pictures");
  Json json = json_of(result, summary, file_bytes(out));
  json["file"] = out;
  json["accuracy_before_finetune"] = report.before.accuracy();
  json["sparsity"] = report.outcome.achieved;
  return json;
}

Json act(const Options& o) {
  layers::model_choice(o.model);
  with_options(o.recipe, {});
  const datasets::Data data = find_data(o.data);
  make_folder(o.out);
  const std::string dense = o.out + "/dense.safetensors";
  check_writable(dense);

  const Recipe recipe = with_options(o.recipe, default_recipe(o.model, data));
  const Shape pictures{data.train.channels, data.train.height, data.train.width};
  Checkpoint checkpoint{layers::make_model(o.model, static_cast<int>(data.train.classes.size()),
                                           recipe.seed, pictures),
                        input_info(data), Progress{recipe}};
  say("training " + o.model + " on " + data.name);
  const EpochReport last = train_model(checkpoint, data, dense);

  const Checkpoint written = load_checkpoint(dense);
  const Evaluation result = evaluate(written.model, data.test, written.input->normalisation);
  const layers::Summary summary = layers::summary(written.model);
  answer(dense + ": " + text_of(result, summary, file_bytes(dense)));
  Json json = json_of(result, summary, file_bytes(dense));
  json["file"] = dense;
  json["images_per_second"] = last.images_per_second;
  const Json pruned = prune_it(dense, data, o.out + "/pruned.safetensors");
  return {{"dense", json}, {"pruned", pruned}};
}

}  // namespace

void add_run(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "run", "The whole story: train, prune, fine-tune, predict",
                                  [o](auto&) { return act(*o); });
  command->add_option("--model", o->model, "Built-in model");
  command->add_option("--data", o->data, "Folder with CIFAR, MNIST or pictures");
  command->add_option("--out", o->out, "Folder for the models and pictures");
  add_recipe_options(*command, o->recipe);
  command->footer("Example: espalier run --epochs 3 --out story");
}

}  // namespace espalier::cli
