// Model files: safetensors with a network's tensors under their state_dict names, so that they move
// to and from PyTorch with no converter, and beside them what makes the file load without the
// network's code:
//   the topology, as JSON in the file's metadata ("espalier.topology");
//   "conv1.weight.mask"            a parameter's mask, U8, 0 or 1; where it was left out, the
//                                  metadata "espalier.zeros_are_pruned" names the parameter;
//   "conv1.weight.state.momentum"  an optimiser's state of a parameter;
//   "conv1.weight.columns"         where the values [nonzero] of a sparse layer's weight are, of
//                                  the smallest of U8, U16 and U32 that holds any column, and
//   "conv1.weight.row_starts"      [rows + 1], of the smallest that holds the number of values;
//   "extra/NAME"                   whatever else a caller puts there.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/safetensors.h"
#include "layers/model.h"

namespace espalier::layers {

struct SaveOptions {
  bool states = false;  // with the parameters' optimiser state, so that training can go on
  bool masks = true;    // false: whoever loads the file takes their parameters' zeros for pruned
  std::map<std::string, Tensor> tensors = {};        // "extra/" is put in front of their names
  std::map<std::string, std::string> metadata = {};  // beside the topology, under their own names
};

// Writes the whole file or, on an error, nothing: an old file of that name stays as it was.
void save(const Model& model, const std::string& path, const SaveOptions& options = {});

// A file's model, and what a caller put beside it.
struct ModelFile {
  Model model;
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};
// Makes the network of a file that holds weights alone, such as a PyTorch state_dict.
using ModelMaker = std::function<Model(SafeTensors& weights)>;
// Without `make`, weights alone are an Error; with it, they fill its model as load_weights() does.
ModelFile load_file(const std::string& path, const ModelMaker& make = {});
ModelFile load_file(SafeTensors file, const ModelMaker& make = {});  // of a file in memory

// The model alone, in training mode. A broken or hostile file is an error that names file and
// tensor; memory is taken only for tensors that are in the file.
Model load(const std::string& path);

// Fills a model with the tensors of a file that need not hold a topology, such as a PyTorch
// state_dict: each parameter and buffer must be there, in its shape, and nothing else; names may
// have the forms that rename_for() in layers/state_dict.h knows. Masks are the file's (none: none),
// optimiser state is forgotten, num_batches_tracked may be missing or of another type. On an error
// the model is as it was.
void load_weights(const Model& model, const std::string& path);

}  // namespace espalier::layers
