// Rewinding: back to weights of an earlier moment, but sparse as now: the first ones, or those of
// an early epoch (the lottery ticket: Frankle and Carbin, 2019; Frankle et al., 2020).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "layers/model.h"

namespace espalier::pruning {

// Values of all parameters, buffers and counters of a model, and on request what optimisers keep.
class Snapshot {
 public:
  explicit Snapshot(const layers::Model& model, bool optimiser_states = false);

  // Gives the model these very values, by name, and zeros where its masks remove. Optimiser state
  // becomes the snapshot's, or none where it holds none; gradients are forgotten. Layers that have
  // left the model since are passed over. An Error, before anything is changed, where the model has
  // something that the snapshot does not know, or of another shape.
  void restore(const layers::Model& model) const;

  // What it holds, so that it can be stored, and a snapshot of what was stored: "conv1.weight",
  // "bn1.running_mean", and "conv1.weight.state.momentum" where it holds optimiser state.
  using Tensors = std::map<std::string, Tensor>;
  using Counters = std::map<std::string, std::int64_t>;
  Snapshot(Tensors tensors, Counters counters);
  const Tensors& tensors() const { return tensors_; }
  const Counters& counters() const { return counters_; }

 private:
  Tensors tensors_;
  Counters counters_;
};

}  // namespace espalier::pruning
