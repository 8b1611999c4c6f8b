// espalier run: the whole story on one data set: train, prune, fine-tune, compact, compare.
#include <filesystem>

#include "core/error.h"
#include "examples/cli/bench_model.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/compaction.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/figures.h"
#include "examples/cli/predict.h"
#include "examples/cli/prune_model.h"
#include "examples/cli/report.h"
#include "examples/cli/train_model.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string out = "espalier-run", model = "convnet";
  DataOptions data;
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
    answer(path + ": " + text_of(predict(checkpoint, path, {.guesses = 3})));
  }
}

// A network that was written, evaluated as it is read again.
Json evaluated(const std::string& file, const datasets::Dataset& test, FactOptions& facts) {
  const Checkpoint written = load_checkpoint(file);
  const Evaluation result = evaluate(written.model, test, written.input->normalisation);
  const Size size = size_of(written.model, file);
  answer(file + ": " + text_of(result, size));
  facts.evaluations[file] = {result, layers::fingerprint(written.model)};
  Json json = json_of(result, size);
  json["file"] = file;
  return json;
}

// Nine of ten weights go, by magnitude over all layers, and the others train on.
Json prune_it(const std::string& dense, const datasets::Data& data, const std::string& out,
              FactOptions& facts) {
  PruneOptions options;
  options.scope = "global";
  options.sparsity = 0.9;
  Checkpoint checkpoint = load_checkpoint(dense);
  say("pruning 90 % of the weights, by magnitude over all layers");
  begin_pruning(checkpoint, {.file = dense}, options, fine_tuning(checkpoint, data));
  const PruneReport report = prune_model(checkpoint, data, out);
  Json json = evaluated(out, data.test, facts);
  json["accuracy_before_finetune"] = report.before.accuracy();
  json["sparsity"] = report.outcome.achieved;
  return json;
}

// What is gone leaves the network, which then answers the same, from less memory and sooner.
Json compact_it(const std::string& pruned, const datasets::Data& data, const std::string& out,
                FactOptions& facts) {
  const Checkpoint checkpoint = load_checkpoint(pruned);
  const pruning::Compaction done = pruning::compact(checkpoint.model);
  save_checkpoint(checkpoint, out, /*masks=*/false);
  log_compaction(done, checkpoint.model, out);
  answer(text_of(done));
  Json json = evaluated(out, data.test, facts);
  json["max_error"] = done.max_error;
  return json;
}

// The three networks side by side: size, and speed by turns.
Json compare(const std::vector<std::pair<std::string, std::string>>& files, FactOptions& facts) {
  constexpr int kBatch = 128;
  std::vector<std::pair<std::string, Size>> sizes;
  std::vector<Variant> variants;
  for (const auto& [name, file] : files) {
    const layers::Model model = load_checkpoint(file).model;
    sizes.emplace_back(name, size_of(model, file));
    variants.push_back({name, model, model});
  }
  const ModelSpeed speed =
      bench_models(variants, {.batches = {kBatch}, .windows = 5, .seconds = 0.1});
  answer("\n" + side_by_side(sizes) + text_of(speed));
  facts.speed = speed;
  Json json = Json::object();
  for (const VariantSpeed& variant : speed.variants)
    json[variant.name] = {{"inference_images_per_second", variant.batches[0].inference},
                          {"train_images_per_second", variant.batches[0].training}};
  return json;
}

Json act(const Options& o) {
  layers::model_choice(o.model);
  with_options(o.recipe, {});
  const datasets::Data data = find_data(o.data);
  make_folder(o.out);
  const std::string dense = o.out + "/dense.safetensors", pruned = o.out + "/pruned.safetensors",
                    small = o.out + "/compact.safetensors", page = o.out + "/report.html";
  const Claim claims[] = {claim_model(dense), claim_model(pruned), claim_model(small), Claim(page)};

  const Recipe recipe = with_options(o.recipe, default_recipe(o.model, data));
  const Shape pictures{data.train.channels, data.train.height, data.train.width};
  Checkpoint checkpoint{layers::make_model(o.model, static_cast<int>(data.train.classes.size()),
                                           recipe.seed, pictures),
                        datasets::input_info(data), Progress{recipe}};
  say("training " + o.model + " on " + data.name);
  Log log = begin_log(checkpoint, data, dense);
  const EpochReport last = train_model(checkpoint, data, dense, log);

  FactOptions facts;
  facts.loaded = &data;
  Json first = evaluated(dense, data.test, facts);
  first["images_per_second"] = last.images_per_second;
  Json result{{"dense", first},
              {"pruned", prune_it(dense, data, pruned, facts)},
              {"compact", compact_it(pruned, data, small, facts)}};
  const Json speeds = compare({{"dense", dense}, {"pruned", pruned}, {"compact", small}}, facts);
  for (const auto& [name, speed] : speeds.items()) result[name].update(speed);
  show_predictions(load_checkpoint(small), data.test, o.out + "/pictures");
  result["report"] = write_report(collect_facts({dense, pruned, small}, facts), page).page;
  answer(result["report"].get<std::string>());  // the last line, for whoever looks for it
  return result;
}

}  // namespace

void add_run(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "run", "The whole story: train, prune, fine-tune, compact",
                                  [o](auto&) { return act(*o); });
  command->add_option("--model", o->model, "Built-in model")->check(one_of(model_names()));
  add_data_options(*command, o->data);
  add_size_options(*command, o->data);
  command->add_option("--out", o->out, "Folder for the models and pictures")->type_name(kFolder);
  add_recipe_options(*command, o->recipe);
  command->footer("Example: espalier run --epochs 3 --out story");
}

}  // namespace espalier::cli
