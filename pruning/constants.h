// Constants: what a network's channels are known to be whatever the picture. A channel whose
// weights are gone says its bias, one whose batch-norm scale is gone its shift, through whatever
// activations follow; a channel that is silent says zero.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "layers/model.h"
#include "layers/norm.h"

namespace espalier::pruning {

// One channel or feature of what flows between two layers.
struct Constant {
  bool known = false;  // the same at every pixel of every picture, in training and in evaluation
  float value = 0;
  // Of one that is not known any more, though what makes it is a constant: where it was lost.
  std::string lost = {};
};

// A convolution or linear layer, and what it reads.
struct Reader {
  layers::Module* layer = nullptr;
  std::vector<Constant> inputs;       // channels or features
  layers::BatchNorm* norm = nullptr;  // that alone takes its outputs; null: none
};

struct Constants {
  std::map<std::string, Reader> readers;  // by name
  std::set<const layers::Module*>
      silent_blocks;  // residual blocks whose main path gives zeros alone
};

// Activations are really run, so that a constant is, to the bit, what they make of it. Constant
// for sure are neither the outputs of a batch norm that still scales, which moves what it gets in
// training, nor those of dropout, nor those of a layer unknown here.
Constants constants(const layers::Model& model);

}  // namespace espalier::pruning
