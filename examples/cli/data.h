// The data that a command works on, and how a network wants it.
#pragma once

#include <string>

#include "datasets/datasets.h"
#include "layers/layers.h"

namespace espalier::cli {

// The folder as told; else $ESPALIER_DATA; else data/cifar-10-batches-bin where that exists; else
// a small generated set of ten shapes. Says in one line which.
datasets::Data find_data(const std::string& told);
// " --data DIR" as it was told last, for a command that finds the same; empty where it was not.
std::string data_argument();

// An error unless the network takes pictures of this size and tells as many classes apart.
void check_fits(const layers::Model& model, const datasets::Data& data, const std::string& file);

// An Error where the network was trained to tell other classes, as of a data set that only has the
// same shapes.
void check_same_classes(const datasets::InputInfo& input, const datasets::Data& data,
                        const std::string& file);

}  // namespace espalier::cli
