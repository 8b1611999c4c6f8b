// espalier prune: a trained network loses weights, neurons, filters or layers, and trains on.
#include <filesystem>

#include "core/error.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/figures.h"
#include "examples/cli/outcome.h"
#include "examples/cli/prune_model.h"
#include "examples/cli/report.h"
#include "examples/cli/resume.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  const CLI::App* command = nullptr;
  ModelSource source;
  std::string resume, out;
  PruneOptions prune;
  RecipeOptions recipe;
  bool no_report = false;
};

// Whether the model that was pruned is still there, beside what became of it.
bool still_there(const PruneState& pruning, const std::string& out) {
  std::error_code error;
  if (std::filesystem::equivalent(pruning.file, out, error)) return false;  // replaced
  const bool there = std::filesystem::exists(pruning.file, error);
  bool same = false;
  try {
    same = there && hash_of_file(pruning.file) == pruning.file_hash;
  } catch (const Error&) {  // it cannot be read, which is a change
  }
  if (!same)
    say("warning: " + pruning.file +
        (there ? " has changed since its pruning began" : " is no longer there") +
        ", the report shows " + out + " alone");
  return same;
}

// The network as it came beside what is left of it. A short look at the clock: a few windows.
std::string write_report_of(const PruneState& pruning, const std::string& out,
                            const PruneReport& report, const layers::Model& model,
                            const datasets::Data& data) {
  FactOptions options{
      .evaluations = {{out, {report.after(), layers::fingerprint(model)}}},
      .bench =
          ModelBenchOptions{.batches = {128}, .windows = 3, .seconds = 0.03, .training = false},
      .model = pruning.model,
      .loaded = &data};
  std::vector<std::string> files{out};
  if (still_there(pruning, out)) {
    files.insert(files.begin(), pruning.file);
    options.evaluations.emplace(pruning.file, Known{report.dense, pruning.weights});
  }
  return write_report(collect_facts(files, options), report_path(out)).page;
}

ModelAndData begin(const Options& o) {
  ModelAndData loaded = load_with_data(o.source);
  auto& [checkpoint, data] = loaded;
  check_finished(checkpoint, o.source.file);
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
  begin_pruning(checkpoint, o.source, o.prune, recipe);
  checkpoint.pruning->no_report = o.no_report;
  return loaded;
}

// The recipe under the names that its options have here.
Json by_options(const Recipe& recipe) {
  Json json = to_json(recipe);
  json["lr_schedule"] = json["schedule"];
  json.erase("schedule");
  return json;
}

ModelAndData resume(const Options& o) {
  ModelSource source = o.source;
  source.file = o.resume;
  ModelAndData loaded = load_interrupted(source, "prune");
  PruneState& pruning = *loaded.checkpoint.pruning;
  const PruneOptions asked = with_given(*o.command, o.prune, pruning.options);
  expect_same(to_json(asked), to_json(pruning.options), "pruning", o.resume);
  expect_same(by_options(with_options(o.recipe, pruning.recipe)), by_options(pruning.recipe),
              "pruning", o.resume);
  pruning.no_report |= o.no_report;
  return loaded;
}

Json act(const Options& o) {
  if (o.source.file.empty() == o.resume.empty())
    throw UsageError(std::string("prune: found ") +
                     (o.source.file.empty() ? "no file" : "both a file and --resume") +
                     ", expected the model to prune, or --resume with a pruning to go on with");
  if (o.resume.empty()) method_of(o.prune);  // before anything is read
  const Claim claim = claim_model(o.out);
  auto [checkpoint, data] = o.resume.empty() ? begin(o) : resume(o);
  const PruneState& pruning = *checkpoint.pruning;
  std::optional<Claim> page;
  if (!pruning.no_report) page.emplace(report_path(o.out));
  const PruneReport report = prune_model(checkpoint, data, o.out, o.resume);
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
               {"epochs", pruning.recipe.epochs},
               {"images_per_second", report.last.images_per_second},
               {"lists", json_of(report.outcome)},
               {"pruning", to_json(pruning.options)},
               {"recipe", to_json(pruning.recipe)}});
  if (!pruning.no_report) {
    json["report"] = write_report_of(pruning, o.out, report, checkpoint.model, data);
    answer(json["report"].get<std::string>());
  }
  return json;
}

}  // namespace

void add_prune(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "prune", "Prune a network and fine-tune it", [o](auto&) { return act(*o); });
  o->command = command;
  add_model_source(*command, o->source)->required(false);
  command->add_option("--resume", o->resume, "Checkpoint of a pruning to go on with")
      ->type_name(kFile);
  command->add_option("--out", o->out, "Model file to write")->required()->type_name(kFile);
  add_prune_options(*command, o->prune);
  add_recipe_options(*command, o->recipe, "--lr-schedule");
  command->add_flag("--no-report", o->no_report, "Write no page beside the file");
  command->footer(
      "Example: espalier prune convnet.safetensors --structure filter --criterion taylor "
      "--sparsity 0.5 --out small.safetensors");
}

}  // namespace espalier::cli
