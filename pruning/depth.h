// Depth: whole layers that can leave, found by the shapes. A residual block leaves its shortcut
// behind; a plain layer whose output has the shape of its input leaves the identity.
#pragma once

#include <string>
#include <vector>

#include "pruning/candidates.h"

namespace espalier::pruning {

struct Removable {
  std::string name;                 // the block, or the convolution or linear layer
  bool block = false;               // a residual block
  Shape shape;                      // of its output
  std::vector<std::string> layers;  // what goes: the main path, or the layer and its batch norm
};

// In the order in which they run. The first layer that reads pictures and the last one are none.
std::vector<Removable> removable_layers(const layers::Model& model);

// Residual blocks whose main path is masked to the last parameter, outer ones first.
std::vector<std::string> silent_blocks(const layers::Model& model);

// Layers that have left already: silent blocks, those that pruning/shrink.h has taken out, and
// identities where a plain layer stood.
std::int64_t removed_layers(const layers::Model& model);

// A block's main path is masked, so that its shortcut alone is left: compaction takes it away. A
// plain layer, whose silence would end the signal, is replaced by the identity at once.
void remove_layer(const layers::Model& model, const Removable& layer);

}  // namespace espalier::pruning
