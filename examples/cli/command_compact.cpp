// espalier compact: what pruning took out of a network leaves its file, its memory and its time.
#include <filesystem>

#include "core/ops/pool.h"
#include "core/text.h"
#include "examples/cli/checkpoint.h"
#include "examples/cli/claim.h"
#include "examples/cli/commands.h"
#include "examples/cli/compaction.h"
#include "examples/cli/console.h"
#include "examples/cli/log.h"
#include "examples/cli/model_source.h"
#include "examples/cli/resume.h"
#include "examples/cli/scoring_batches.h"
#include "examples/cli/size.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

struct Options {
  ModelSource source;
  std::string out, format = "auto", judge = "inference";
  int batch = 128;
  bool keep_masks = false;
};

// In a file.
std::int64_t mask_bytes(const layers::Model& model) {
  std::int64_t bytes = 0;
  for (const Parameter& p : model.parameters()) bytes += p.mask() ? p.numel() : 0;
  return bytes;
}

// Images to compare the outputs on.
Tensor test_images(const Checkpoint& checkpoint, const datasets::Data& data) {
  constexpr std::int64_t kImages = 128;
  const Tensor images =
      scoring_batches(data.test, checkpoint.input->normalisation, kImages, 0).at(0).images;
  return checkpoint.model.input_shape().rank() == 1 ? flatten(images) : images;
}

Json act(const Options& o) {
  pruning::CompactOptions options{.format = format_option(o.format),
                                  .training = judged_by_training(o.judge),
                                  .images = o.batch};
  check_option(o.batch >= 1 && o.batch <= 65536, "--batch", o.batch, "1 to 65536");
  const Claim claim = claim_model(o.out);
  std::optional<datasets::Data> data;
  const Checkpoint checkpoint = load_model(o.source, data);
  // What an unfinished pruning goes back to stays large.
  if (checkpoint.pruning) check_finished(checkpoint, o.source.file);
  if (data) options.inputs = test_images(checkpoint, *data);
  const std::string& file = o.source.file;
  std::error_code error;
  const bool in_place = std::filesystem::equivalent(file, o.out, error);
  const auto lines = in_place ? log_lines(file, checkpoint) : std::vector<std::string>();
  const bool had_masks = mask_bytes(checkpoint.model) > 0;
  const Size before = size_of(checkpoint.model, file);
  const pruning::Compaction done = pruning::compact(checkpoint.model, options);
  const bool to_train = checkpoint.progress && !checkpoint.progress->finished();
  const bool masks = o.keep_masks || to_train;
  const std::int64_t bytes = mask_bytes(checkpoint.model);
  save_checkpoint(checkpoint, o.out, masks);
  log_compaction(done, checkpoint.model, o.out, lines);
  const Size after = size_of(checkpoint.model, o.out);
  answer(text_of(done));
  answer(side_by_side({{"before", before}, {"after", after}}));
  say(o.out + ": written" +
      (bytes == 0 && had_masks ? " without masks, as nothing that was pruned is left in it"
       : bytes == 0            ? ""
       : masks                 ? " with its masks, " + with_commas(bytes) + " bytes"
                               : " without its masks, " + with_commas(bytes) +
                     " bytes; zeros that were pruned stay so in further training"));
  Json json = json_of(after);
  json["max_error"] = done.max_error;
  json["mask_bytes"] = masks ? bytes : 0;
  json["before"] = json_of(before);
  json.update(json_of(done));
  return json;
}

}  // namespace

void add_compact(CLI::App& app) {
  const auto o = std::make_shared<Options>();
  CLI::App* command = add_command(app, "compact", "Make a pruned network smaller and faster",
                                  [o](auto&) { return act(*o); });
  add_model_source(*command, o->source, "Pictures to compare the outputs on", "random ones");
  command->add_option("--out", o->out, "Model file to write")->required()->type_name(kFile);
  command->add_option("--format", o->format, "Of layers with single weights gone; auto by time")
      ->check(one_of({"dense", "csr", "auto"}));
  command->add_option("--judge", o->judge, "The times that decide")
      ->check(one_of({"inference", "training"}));
  command->add_option("--batch", o->batch, "Pictures at a time, when times are taken");
  command->add_flag("--keep-masks", o->keep_masks,
                    "Write masks, for other programs; without them zeros are taken for pruned");
  command->footer("Example: espalier compact pruned.safetensors --out small.safetensors");
}

}  // namespace espalier::cli
