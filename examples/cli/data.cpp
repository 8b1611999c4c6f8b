// The data of a command: where it is looked for.
#include "examples/cli/data.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
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

datasets::Data find_data(const std::string& told) {
  std::string folder = told_last = told;
  const char* variable = std::getenv("ESPALIER_DATA");
  if (folder.empty() && variable) folder = variable;
  std::error_code ignored;
  if (folder.empty() && std::filesystem::is_directory(kDownloaded, ignored)) folder = kDownloaded;
  if (!folder.empty()) return announce(datasets::open(folder), "in " + folder);
  return announce(datasets::shapes(),
                  "generated (no --data, no $ESPALIER_DATA, no " + std::string(kDownloaded) + ")");
}

std::string data_argument() { return told_last.empty() ? "" : " --data " + shell_word(told_last); }

void check_fits(const layers::Model& model, const datasets::Data& data, const std::string& file) {
  const Shape pictures{data.test.channels, data.test.height, data.test.width};
  const Shape& input = model.input_shape();
  const bool flat = input.rank() == 1 && input[0] == pictures.numel();
  if (!(input == pictures) && !flat)
    fail(file, ": found a network for inputs of ", input.str(), ", expected ", pictures.str(),
         " as the pictures of ", data.name, " have it");
  const auto classes = static_cast<std::int64_t>(data.test.classes.size());
  if (model.outputs() != classes)
    fail(file, ": found a network for ", model.outputs(), " classes, expected ", classes, " as ",
         data.name, " has them");
}

void check_same_classes(const datasets::InputInfo& input, const datasets::Data& data,
                        const std::string& file) {
  for (std::size_t i = 0; i < std::min(input.classes.size(), data.train.classes.size()); ++i)
    if (input.classes[i] != data.train.classes[i])
      fail(file, ": found a network trained on ", input.data.empty() ? "other data" : input.data,
           ", whose class ", i, " is ", input.classes[i], ", expected ", data.train.classes[i],
           " as in ", data.name, " (--data names the data)");
}

}  // namespace espalier::cli
