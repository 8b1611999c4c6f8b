// ModelSource: where a command's model comes from, and the data that it is used with. Every command
// that reads a model does it in this way, so that all of them accept and refuse the same.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "datasets/datasets.h"
#include "examples/cli/checkpoint.h"
#include "examples/cli/data_options.h"

namespace espalier::cli {

struct ModelSource {
  std::string file;
  std::string model = {};  // the built-in model that a file without a topology holds weights of
  DataOptions data = {};
};

// --model, --data and how it is read. The help may say what the data are for, and what is used
// without them.
void add_model_options(CLI::App& command, ModelSource& source, const std::string& data_help = "",
                       const std::string& data_default = "");
// "file", which is returned, and these.
CLI::Option* add_model_source(CLI::App& command, ModelSource& source,
                              const std::string& data_help = "",
                              const std::string& data_default = "");

struct ModelAndData {
  Checkpoint checkpoint;  // with `input`: the file's, else that of the training images
  datasets::Data data;
};

// A model and the data to use it with, which is looked for as find_data() does. An Error unless
// they fit: the size of the images, the number of classes, and the classes' names where the file
// knows them.
ModelAndData load_with_data(const ModelSource& source);

// A model for a command that needs no data. Where --data names some, it is put into `data`, and has
// to fit as well.
Checkpoint load_model(const ModelSource& source, std::optional<datasets::Data>& data,
                      NonFinite nonfinite = NonFinite::Refused);
Checkpoint load_model(const ModelSource& source, NonFinite nonfinite = NonFinite::Refused);

// What all of these do. `data` is called once, with the model's input images and whether the file
// says how these are normalized and which classes there are; it returns null where there is no
// data.
using DataFor = std::function<const datasets::Data*(const InputImages&, bool has_input_info)>;
Checkpoint load_model(const std::string& file, const std::string& model, const DataFor& data,
                      NonFinite nonfinite = NonFinite::Refused);

}  // namespace espalier::cli
