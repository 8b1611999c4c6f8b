// ModelSource: the model first, since its input decides how images are read; then the data.
#include "examples/cli/model_source.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/error.h"
#include "examples/cli/console.h"
#include "examples/cli/data.h"
#include "examples/cli/suggest.h"
#include "examples/cli/usage.h"

namespace espalier::cli {
namespace {

void check_fits(const layers::Model& model, const datasets::Data& data, const std::string& file) {
  const Shape images{data.test.channels, data.test.height, data.test.width};
  const Shape& input = model.input_shape();
  const bool flat = input.rank() == 1 && input[0] == images.numel();
  if (!(input == images) && !flat)
    fail(file, ": found a network for inputs of ", input.str(), ", expected ", images.str(),
         " as the images of ", data.name, " have it");
  const auto classes = static_cast<std::int64_t>(data.test.classes.size());
  if (model.outputs() != classes)
    fail(file, ": found a network for ", model.outputs(), " classes, expected ", classes, " as ",
         data.name, " has them");
}

// Data of the same shapes may still have other classes.
void check_same_classes(const InputInfo& input, const datasets::Data& data,
                        const std::string& file) {
  for (std::size_t i = 0; i < std::min(input.classes.size(), data.train.classes.size()); ++i)
    if (input.classes[i] != data.train.classes[i])
      fail(file, ": found a network trained on ", input.data.empty() ? "other data" : input.data,
           ", whose class ", i, " is ", input.classes[i], ", expected ", data.train.classes[i],
           " as in ", data.name, " (--data names the data)");
}

// The model in a file, or, where that holds weights alone, the built-in one that they are of. Sets
// `data` where it was needed to know for which images.
Checkpoint load(const std::string& file, const std::string& model, const DataFor& data_for,
                std::optional<const datasets::Data*>& data, NonFinite nonfinite) {
  std::string for_images;  // as far as the model was made
  const auto make = [&](SafeTensors& weights) {
    check(!model.empty(), file, ": found no topology, expected a file that Espalier wrote, or ",
          "--model with the name of the built-in model whose weights it holds: ",
          listed(model_names()));
    Shape images = layers::model_choice(model).input;
    data = data_for({.shape = images, .fixed = false}, false);
    if (*data) images = {(*data)->test.channels, (*data)->test.height, (*data)->test.width};
    for_images = " (--model " + model + " for images of " + images.str() +
                 (*data ? " as in " + (*data)->name + ")" : "; --data names others)");
    return layers::model_of_weights(model, weights, images);
  };
  try {
    return load_checkpoint(file, make, nonfinite);
  } catch (const Error& error) {
    if (for_images.empty()) throw;
    fail(error.what(), for_images);
  }
}

}  // namespace

Checkpoint load_model(const std::string& file, const std::string& model, const DataFor& data_for,
                      NonFinite nonfinite) {
  std::optional<const datasets::Data*> data;
  Checkpoint checkpoint = load(file, model, data_for, data, nonfinite);
  const std::string& name = checkpoint.model.name();
  check(model.empty() || name == model, file, ": found a network named '", name, "', expected ",
        model, " as --model says");
  if (!data)
    data = data_for({.shape = checkpoint.model.input_shape()}, checkpoint.input.has_value());
  if (!*data) return checkpoint;
  check_fits(checkpoint.model, **data, file);
  if (checkpoint.input) {
    check_same_classes(*checkpoint.input, **data, file);
  } else {
    checkpoint.input = datasets::input_info(**data);
    say(file + ": holds no normalization and no classes; those of the training images of " +
        (*data)->name + " are used");
  }
  return checkpoint;
}

Checkpoint load_model(const ModelSource& source, std::optional<datasets::Data>& data,
                      NonFinite nonfinite) {
  return load_model(
      source.file, source.model,
      [&](const InputImages& images, bool) -> const datasets::Data* {
        if (!source.data.folder.empty()) return &data.emplace(find_data(source.data, images));
        folder_options(source.data, images);  // refuses a size that the network does not take
        return nullptr;
      },
      nonfinite);
}

Checkpoint load_model(const ModelSource& source, NonFinite nonfinite) {
  std::optional<datasets::Data> data;
  return load_model(source, data, nonfinite);
}

ModelAndData load_with_data(const ModelSource& source) {
  ModelAndData result;
  result.checkpoint =
      load_model(source.file, source.model, [&](const InputImages& images, bool has_input_info) {
        // Nothing would tell that the generated set is not what the network was trained on.
        check(has_input_info || !data_folder(source.data.folder).empty(), source.file,
              ": found weights without their inputs' normalization and classes, expected --data "
              "with the folder of the data that they were trained on");
        return &(result.data = find_data(source.data, images));
      });
  return result;
}

void add_model_options(CLI::App& command, ModelSource& source, const std::string& data_help,
                       const std::string& data_default) {
  command
      .add_option("--model", source.model,
                  "Built-in model whose weights alone a file holds, such as a PyTorch state_dict")
      ->check(one_of(model_names()));
  CLI::Option* data = data_help.empty() ? add_data_options(command, source.data)
                                        : add_data_options(command, source.data, data_help);
  if (!data_default.empty()) data->default_str(data_default);
  add_size_options(command, source.data);
}

CLI::Option* add_model_source(CLI::App& command, ModelSource& source, const std::string& data_help,
                              const std::string& data_default) {
  CLI::Option* file =
      command.add_option("file", source.file, "Model file")->required()->type_name(kFile);
  add_model_options(command, source, data_help, data_default);
  return file;
}

}  // namespace espalier::cli
