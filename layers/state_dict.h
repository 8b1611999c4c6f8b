// StateDict: whether the names in a file are those of a model, also where a file that PyTorch wrote
// has them in another form.
#pragma once

#include <string>

#include "core/safetensors.h"
#include "layers/model.h"

namespace espalier::layers {

// What stands in a model file beside a state_dict, see layers/model_file.h.
inline const std::string kMask = ".mask", kState = ".state.", kExtra = "extra/";
inline const std::string kColumns = ".columns", kRowStarts = ".row_starts";

// Gives the tensors of a state_dict the names that the model has for them: without prefixes that
// all of them have and no tensor of the model ("module." of DataParallel, "_orig_mod." of
// torch.compile), and with "shortcut" for the "downsample" of torchvision's residual networks.
void rename_for(const Model& model, SafeTensors& file);

// An Error that names the first tensor of the model that the file lacks and the first that it has
// beside those of the model. Masks, optimiser state, counters and "extra/" may be there or not.
void check_names(const Model& model, const SafeTensors& file);

// The built-in model of this name with as many classes and input channels as these weights have,
// which get its names, for images [C, H, W] that are else as told.
Model model_of_weights(const std::string& name, SafeTensors& weights, const Shape& images);

}  // namespace espalier::layers
