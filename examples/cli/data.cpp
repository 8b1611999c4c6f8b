// The data of a command: where it is looked for.
#include "examples/cli/data.h"

#include <cstdlib>
#include <filesystem>

#include "core/text.h"
#include "examples/cli/console.h"
#include "examples/cli/interrupt.h"

namespace espalier::cli {
namespace {

constexpr const char* kDownloaded = "data/cifar-10-batches-bin";

DataOptions told_last;

datasets::Data announce(datasets::Data data, const std::string& where) {
  say("data: " + data.name + " " + where + ", " + with_commas(data.train.size()) +
      " pictures to train on and " + with_commas(data.test.size()) + " to test on");
  if (const std::string skipped = datasets::skipped_text(data.skipped); !skipped.empty())
    say("data: " + skipped);
  return data;
}

}  // namespace

std::string data_folder(const std::string& told) {
  const char* variable = std::getenv("ESPALIER_DATA");
  if (!told.empty()) return told;
  if (variable && *variable) return variable;
  std::error_code ignored;
  return std::filesystem::is_directory(kDownloaded, ignored) ? kDownloaded : "";
}

datasets::Data find_data(const DataOptions& options, const InputImages& input) {
  told_last = options;
  const datasets::FolderOptions read_as = folder_options(options, input);
  const std::string folder = data_folder(options.folder);
  datasets::Data data = folder.empty() ? datasets::shapes() : datasets::open(folder, read_as);
  check_as_asked(options, data);
  return announce(std::move(data), !folder.empty()
                                       ? "in " + folder
                                       : "generated (no --data, no $ESPALIER_DATA, no " +
                                             std::string(kDownloaded) + ")");
}

std::string data_argument() {
  const auto& [folder, size, channels, max_pixels] = told_last;
  std::string text = folder.empty() ? "" : " --data " + shell_word(folder);
  if (max_pixels != datasets::kMostPixels)
    text += " --max-image-pixels " + std::to_string(max_pixels);
  return text;
}

}  // namespace espalier::cli
