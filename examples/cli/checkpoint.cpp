// Checkpoint: to and from a file's metadata.
#include "examples/cli/checkpoint.h"

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "examples/cli/console.h"

namespace espalier::cli {
namespace {

const std::string kTraining = "espalier.training";

Progress progress_in(const std::string& text, const std::string& file) {
  const Json json = Json::parse(text, nullptr, false);
  check(json.is_object(), file, ": found metadata ", kTraining,
        " that is no JSON object, expected one");
  return progress_from(json, file);
}

}  // namespace

void save_checkpoint(const Checkpoint& checkpoint, const std::string& path, bool masks) {
  layers::SaveOptions options;
  if (checkpoint.input) options.metadata = datasets::metadata(*checkpoint.input);
  if (checkpoint.progress) {
    options.states = !checkpoint.progress->finished();
    options.metadata[kTraining] = to_json(*checkpoint.progress).dump();
  }
  if (checkpoint.pruning && !checkpoint.pruning->finished) store(*checkpoint.pruning, options);
  options.masks = masks || !checkpoint.finished();
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
    checkpoint.progress = progress_in(found->second, path);
  checkpoint.pruning = prune_state(file, path);
  check(!checkpoint.pruning || (checkpoint.progress && checkpoint.input), path,
        ": found a pruning without the progress of its training or its inputs' normalisation, "
        "expected both");
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
