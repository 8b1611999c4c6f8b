// What is stored with a network of the data that it was trained on: its inputs and outputs, so that
// it can be used on any picture, and the fingerprint that a training that is resumed has to find.
//
//   layers::save(model, "net.safetensors", {.metadata = datasets::metadata(input_info(data))});
#pragma once

#include <cstdint>
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

// What a training that is resumed needs to find unchanged in its data.
struct Fingerprint {
  std::int64_t train_images = 0, test_images = 0;
  std::vector<std::int64_t> shape = {};  // of an image, [C, H, W]
  std::int64_t classes = 0;
  // A hash of all labels and of up to 256 images of each set, spread evenly over it: milliseconds
  // for any data set. An exchange of data or of its order is noticed, a change to one image of many
  // need not be.
  std::string hash;
};
Fingerprint fingerprint(const Data& data);

// The first difference as "found 400 images to train on, expected 500"; empty where there is none.
std::string difference(const Fingerprint& found, const Fingerprint& expected);

}  // namespace espalier::datasets
