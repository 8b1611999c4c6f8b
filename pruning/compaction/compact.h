// Compaction: what pruning took out of the network leaves its memory, its file and its time. Units
// that are silent go physically (pruning/compaction/channel_removal.h); of the others, single
// weights that are gone are left out of sparse layers (pruning/compaction/sparse_format.h). The
// outputs stay the same, which is checked.
#pragma once

#include <string>
#include <vector>

#include "pruning/compaction/channel_removal.h"
#include "pruning/compaction/sparse_format.h"

namespace espalier::pruning {

struct CompactOptions {
  Format format = Format::Auto;
  bool units = true;          // silent units leave; else they stay, and may be revived
  bool training = false;      // choose the forms by the time of a training step, not of inference
  std::int64_t images = 128;  // at a time, when forms are timed
  Tensor inputs = {};  // as the network takes them, for the comparison; not defined: random ones
};

struct Compaction {
  Shrunk shrunk;
  std::vector<LayerForm> forms;
  // max |masked - compacted| over all outputs, relative to the largest output.
  double max_error = 0;

  std::string table() const;  // for people: the units that are left, and the forms
};
inline constexpr double kMostError = 1e-5;

//   pruning::compact(model);  // between two epochs, or before it is saved
// In place: parameters keep their identity and bring their optimiser state along, so training goes
// on with the optimiser there is. Once is as good as twice. An Error, and the model as it was,
// where the outputs would differ by more than kMostError.
Compaction compact(const layers::Model& model, const CompactOptions& options = {});

// A table for people: layer, density, ms dense, ms sparse, what was chosen.
std::string table(const std::vector<LayerForm>& forms);

}  // namespace espalier::pruning
