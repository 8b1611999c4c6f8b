// espalier prune: a trained network loses weights, neurons, filters or layers, and trains on.
#include <filesystem>

#include "core/error.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/figures.h"
#include "examples/cli/model_source.h"
#include "examples/cli/prune_model.h"
#include "examples/cli/report.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  ModelSource source;
  std::string out;
  PruneOptions prune;
  RecipeOptions recipe;
  bool no_report = false;
};

// The network as it came beside what is left of it. A short look at the clock: a few windows.
std::string write_report_of(const Options& o, const PruneReport& report, const Known& dense,
                            const layers::Model& model, const std::string& data) {
  FactOptions options{
      .evaluations = {{o.out, {report.after(), layers::fingerprint(model)}}},
      .bench =
          ModelBenchOptions{.batches = {128}, .windows = 3, .seconds = 0.03, .training = false},
      .known_on = data,
      .model = o.source.model};
  const std::string& file = o.source.file;
  options.evaluations.emplace(file, dense);  // unless it was replaced
  std::error_code error;
  const bool replaced = std::filesystem::equivalent(file, o.out, error);
  const std::vector<std::string> files = replaced ? std::vector{o.out} : std::vector{file, o.out};
  return write_report(collect_facts(files, options), report_path(o.out)).page;
}

Json act(const Options& o) {
  method_of(o.prune);  // before anything is read
  const Claim claim = claim_model(o.out);
  std::optional<Claim> page;
  if (!o.no_report) page.emplace(report_path(o.out));
  auto [checkpoint, data] = load_with_data(o.source);
  check(!checkpoint.progress || checkpoint.progress->finished(), o.source.file,
        ": found a training that was interrupted, expected one that is finished (train --resume)");
  const Plan plan = plan_of(o.prune);
  const bool from_beginning =
      plan == Plan::Initial || plan == Plan::Lottery || plan == Plan::RigL || plan == Plan::SET;
  const Recipe usual = from_beginning && checkpoint.progress ? checkpoint.progress->recipe
                                                             : fine_tuning(checkpoint, data);
  RecipeOptions given = o.recipe;
  const bool only_prune = given.epochs == 0;
  if (only_prune) given.epochs = 1;  // a training has one at least
  Recipe recipe = with_options(given, usual);
  if (only_prune) recipe.epochs = 0;
  check_option(!o.prune.compact || *o.prune.compact <= recipe.epochs, "--compact-after",
               o.prune.compact.value_or(0),
               "no more than the " + std::to_string(recipe.epochs) + " epochs of training");

  const std::string weights = layers::fingerprint(checkpoint.model);
  const PruneReport report = prune_model(checkpoint, data, o.prune, recipe, o.out);
  std::fputs(text_of(report.outcome).c_str(), stderr);
  say(sparsity_text(report));
  const Size size = size_of(checkpoint.model, o.out);
  say(text_of(report.after(), size));
  say(o.out + ": written");
  Json json = json_of(report.after(), size);
  json.update({{"accuracy_dense", report.dense.accuracy()},
               {"accuracy_before_finetune", report.before.accuracy()},
               {"loss_before_finetune", report.before.loss},
               {"sparsity", report.outcome.achieved},
               {"sparsity_asked", report.outcome.asked},
               {"sparsity_before", report.base.pruned},
               {"sparsity_of_file", report.base.from_original(report.outcome.achieved)},
               {"epochs", recipe.epochs},
               {"images_per_second", report.last.images_per_second},
               {"lists", json_of(report.outcome)},
               {"pruning", to_json(o.prune)},
               {"recipe", to_json(recipe)}});
  if (!o.no_report) {
    json["report"] =
        write_report_of(o, report, {report.dense, weights}, checkpoint.model, data.name);
    answer(json["report"].get<std::string>());
  }
  return json;
}

}  // namespace

void add_prune(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "prune", "Prune a network and fine-tune it", [o](auto&) { return act(*o); });
  add_model_source(*command, o->source);
  command->add_option("--out", o->out, "Model file to write")->required()->type_name(kFile);
  add_prune_options(*command, o->prune);
  add_recipe_options(*command, o->recipe, "--lr-schedule");
  command->add_flag("--no-report", o->no_report, "Write no page beside the file");
  command->footer(
      "Example: espalier prune convnet.safetensors --structure filter --criterion taylor "
      "--sparsity 0.5 --out small.safetensors");
}

}  // namespace espalier::cli
