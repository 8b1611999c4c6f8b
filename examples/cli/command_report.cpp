// espalier report: one page about networks that belong together, such as a dense one, what pruning
// left of it, and that compacted.
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/console.h"
#include "examples/cli/model_source.h"
#include "examples/cli/report.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  ModelSource common;  // of all files
  std::string out;
  bool no_bench = false;
  int batch = 128;
};

Json json_of(const ReportFile& file) {
  Json json{{"file", file.path}, {"name", file.name}, {"kind", file.kind}};
  const auto known = [&](const char* key, bool is, const Json& value) {
    json[key] = is ? value : Json();
  };
  known("accuracy", file.accuracy.has_value(), file.accuracy.value_or(0));
  known("accuracy_deviation", file.deviation().has_value(), file.deviation().value_or(0));
  known("accuracy_before_finetune", file.log.before_finetune.has_value(),
        file.log.before_finetune.value_or(0));
  known("loss", std::isfinite(file.loss), file.loss);
  known("images", file.images > 0, file.images);
  known("evaluated_on", !file.evaluated_on.empty(), file.evaluated_on);
  json.update({{"sparsity", file.gone()},
               {"parameters", file.parameters},
               {"nonzero", file.nonzero},
               {"macs", file.macs},
               {"macs_nonzero", file.macs_nonzero},
               {"macs_run", file.macs_run},
               {"bytes", file.bytes},
               {"memory", file.memory},
               {"weights_original", file.weights()},
               {"weights_nonzero", file.weights_left()}});
  known("seed", file.log.seed.has_value(), file.log.seed.value_or(0));
  known("command", !file.log.command.empty(), file.log.command);
  if (file.speed) {
    json["batch"] = file.speed->batch;
    json["inference_images_per_second"] = file.speed->inference;
    json["train_images_per_second"] = file.speed->training;
  }
  return json;
}

Json act(const Options& o) {
  check_option(o.batch >= 1 && o.batch <= 65536, "--batch", o.batch, "1 to 65536");
  const std::string out =
      o.out.empty() ? (std::filesystem::path(o.files[0]).parent_path() / "report.html").string()
                    : o.out;
  check_option(out.ends_with(".html"), "--out", out, "a name that ends in .html");
  for (const std::string& file : o.files)
    if (std::error_code error; !std::filesystem::exists(file, error))
      load_checkpoint(file);  // says so before anything is said of what is to be written
  const Claim claim(out);
  FactOptions options;
  if (!o.no_bench) options.bench = {.batches = {o.batch}, .windows = 5, .seconds = 0.1};
  options.model = o.common.model;
  options.data = o.common.data;
  const ReportFacts facts = collect_facts(o.files, options);
  const ReportPaths paths = write_report(facts, out);
  Json files = Json::array();
  for (const ReportFile& file : facts.files) files.push_back(json_of(file));
  answer(paths.page);
  return {{"report", paths.page}, {"pictures", paths.pictures}, {"files", files}};
}

}  // namespace

void add_report(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "report", "Write a page with pictures about networks",
                                  [o](auto&) { return act(*o); });
  command->add_option("files", o->files, "Model files; the first is what the others are held to")
      ->required()
      ->type_name(kFile);
  command->add_option("--out", o->out, "Page to write, .html")
      ->type_name(kFile)
      ->default_str("report.html beside the first file");
  add_model_options(*command, o->common, "Data to evaluate on",
                    "the accuracies in the logs beside the files");
  command->add_flag("--no-bench", o->no_bench, "Do not measure speed");
  command->add_option("--batch", o->batch, "Pictures at a time, when speed is measured");
  command->footer(
      "Example: espalier report dense.safetensors pruned.safetensors compact.safetensors");
}

}  // namespace espalier::cli
