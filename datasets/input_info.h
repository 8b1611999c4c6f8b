// What a network's file says of its inputs and outputs, so that it can be used on any picture: how
// pictures are normalised, and the classes' names.
//
//   layers::save(model, "net.safetensors", {.metadata = datasets::metadata(input_info(data))});
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace espalier::datasets {

// How pictures become inputs, and what the outputs mean.
struct InputInfo {
  std::string data;  // the data set's name
  Normalisation normalisation;
  std::vector<std::string> classes;
};

InputInfo input_info(const Data& data);

// As metadata of a model file, and from there: none where it holds none. Broken metadata is an
// Error that names the file.
std::map<std::string, std::string> metadata(const InputInfo& info);
std::optional<InputInfo> input_info(const std::map<std::string, std::string>& metadata,
                                    const std::string& file);

}  // namespace espalier::datasets
