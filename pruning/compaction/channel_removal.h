// Channel removal: what masks have silenced leaves the network for good. Layers become narrower,
// and blocks that are masked whole make way for their shortcuts; the network is then as small and
// as fast as one that was built so.
#pragma once

#include <string>
#include <vector>

#include "pruning/candidates.h"

namespace espalier::pruning {

// What went, and what had to stay and why.
struct Shrunk {
  struct Stayed {
    std::string why;  // "is read by conv2, a convolution with padding"
    std::int64_t units = 0;
  };
  struct List {
    std::string name;                         // of a group of coupled channels
    Structure structure = Structure::Filter;  // or Neuron
    std::int64_t before = 0, after = 0;       // units
    std::int64_t folded = 0;                  // of those that left: said a constant
    std::vector<Stayed> stayed = {};
  };
  std::vector<List> lists;
  std::vector<std::string> blocks;  // in whose place their shortcuts are now

  bool changed() const;       // whether anything left
  std::string table() const;  // for people, a group a line
};

// Takes out, in place, what has no influence on the network's outputs:
//   a unit of a group (pruning/candidates.h), when all that makes it is gone, or all that reads
//   it. A batch norm's scale and shift make what comes out of it, whatever goes in. Gone is what a
//   mask removes, or, where there is none, what is exactly zero. One unit of every group stays; a
//   residual block, when the main path is masked to the last parameter: its shortcut is then taken
//   where the sum was.
// Everything is cut with it: weights on both sides, batch norms with their statistics, masks, the
// state that optimisers keep. Parameters stay the same ones, so training goes on with the same
// optimiser; call it between a step and the next backward pass, for gradients are not cut.
//
// A unit whose weights are gone may still say a constant, its bias or its batch norm's shift
// through the activations. Where that is the same as a bias of what reads it (linear layers, and
// convolutions without padding), it is added there: to the bias, which is made where there is none,
// or, where that has no bias and a batch norm follows, to its running mean with the opposite sign.
// The constant is from then on no longer trained by itself; a bias just made is unknown to
// optimisers made before. Elsewhere the unit stays, and Shrunk says why.
//
// The model remembers what it once was (layers/origin.h), so ratios of what is gone stay the same.
// The outputs are the same up to rounding, in training and in evaluation. Where nothing is silent,
// nothing is changed, not a bit.
Shrunk shrink(const layers::Model& model);

// The slices of a plain tensor along dimension 0 or 1, in their old order: [O, I, ...] ->
// [O, slices, ...].
Tensor cut(const Tensor& tensor, int dim, const std::vector<std::int64_t>& slices);

// The same for a parameter in place: value, mask and everything that optimisers keep of it. It is
// the same parameter afterwards, so that optimisers made before go on with it; a gradient that no
// step has used yet is forgotten. A mask that removes nothing of what stays goes too.
void cut(Parameter parameter, int dim, const std::vector<std::int64_t>& slices);

}  // namespace espalier::pruning
