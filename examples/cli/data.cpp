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

std::string told_last;

datasets::Data announce(datasets::Data data, const std::string& where) {
  say("data: " + data.name + " " + where + ", " + with_commas(data.train.size()) +
      " pictures to train on and " + with_commas(data.test.size()) + " to test on");
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

datasets::Data find_data(const std::string& told) {
  told_last = told;
  const std::string folder = data_folder(told);
  if (!folder.empty()) return announce(datasets::open(folder), "in " + folder);
  return announce(datasets::shapes(),
                  "generated (no --data, no $ESPALIER_DATA, no " + std::string(kDownloaded) + ")");
}

std::string data_argument() { return told_last.empty() ? "" : " --data " + shell_word(told_last); }

}  // namespace espalier::cli
