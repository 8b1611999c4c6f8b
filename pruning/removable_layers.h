// Removable layers: whole layers that can leave, found by the shapes. Of a sum of two paths, such
// as a residual block, the shortcut stays; a plain layer can leave where its output has its input's
// shape.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pruning/candidates.h"

namespace espalier::pruning {

struct Removable {
  std::string name;                 // of the sum, or of the convolution or linear layer
  bool block = false;               // a residual block: the main path of a sum
  Shape shape;                      // of its output
  std::vector<std::string> layers;  // what goes: the main path, or the layer and its batch norm
};

// In the order in which they run. The last layer is none, nor is what lies within a block.
std::vector<Removable> removable_layers(const layers::Model& model);

// A residual block whose main path is masked to the last parameter.
struct SilentBlock {
  std::string name;              // of the sum
  layers::Value main, shortcut;  // what it adds
};
std::vector<SilentBlock> silent_blocks(const layers::Model& model);

// Layers that have left already: silent blocks, and what has been taken out.
std::int64_t removed_layers(const layers::Model& model);

// A block's main path is masked, so that its shortcut alone is left: compaction takes it away. A
// plain layer, whose silence would end the signal, is taken out at once.
void remove_layer(const layers::Model& model, const Removable& layer);

// Calls bypass(), which takes one layer or block out of the model, and keeps that in the model's
// origin: one more layer has left, and so have the units of groups that have lost every layer that
// made their channels.
void take_out(const layers::Model& model, const std::function<void()>& bypass);

}  // namespace espalier::pruning
