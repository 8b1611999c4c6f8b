// The data that a command works on. With a model, see model_source.h.
#pragma once

#include <string>

#include "datasets/datasets.h"
#include "examples/cli/data_options.h"

namespace espalier::cli {

// The folder as told; else $ESPALIER_DATA; else data/cifar-10-batches-bin where that exists; else
// a small generated set of ten shapes. Says in one line which, and in another which files were
// skipped. Class folders are read as folder_options() has it.
datasets::Data find_data(const DataOptions& options, const InputImages& input = {});
// Which folder that is; empty where the set is generated.
std::string data_folder(const std::string& told);
// " --data DIR" as it was told last, for a command that finds the same; empty where it was not.
std::string data_argument();

}  // namespace espalier::cli
