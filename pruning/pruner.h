// Pruner: pruning within the training loop. It is given every batch after the optimiser's step, and
// moves the masks when its schedule says so.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "pruning/criteria/criterion.h"
#include "pruning/schedule.h"
#include "pruning/select.h"

namespace espalier::pruning {

// What goes, how it is judged, against whom, and, for a Pruner, when.
struct Method {
  Structure structure = Structure::Weight;
  Criterion criterion = magnitude();
  Schedule sparsity = one_shot(0.5);
  Scope scope = {};
  std::vector<std::string> only = {}, leave_out = {};  // layers; see Target
  int block_rows = 4, block_columns = 4;               // Block
  int n = 2, m = 4;                                    // NM
  int batches = 8;  // the latest ones, by which a Pruner's criterion judges
  std::uint64_t seed = 0;
};

// The lists that a method is about.
Target target_of(const Method& method);
// Whether it goes by a ratio, not by the criterion's cut or a pattern.
bool ratio_decides(const Method& method);
// An Error where criterion and structure make no sense together.
void check_meaning(const Method& method);

// What a pruning did.
struct Outcome {
  struct List {
    std::string name;
    std::int64_t sets = 0, gone = 0;  // in all, after the pruning
  };
  std::vector<List> lists;
  double asked = 0, achieved = 0;  // as the scope counts
};

// Prunes now, until `sparsity` of the network as it once was is gone. Where the criterion has a cut
// or the structure is n:m, that decides instead. In as many rounds as the criterion wants, each
// with fresh scores, keeping the same share of what is left. An Error where criterion and structure
// make no sense together, or the selection says so; the model is then as it was.
Outcome prune(const layers::Model& model, const Method& method, double sparsity,
              Evidence& evidence);
Outcome prune(const layers::Model& model, const Method& method, double sparsity);

// What is gone now.
Outcome outcome(const layers::Model& model, const Method& method, double asked);

//   pruning::Pruner prune(model, {.structure = pruning::Filter, .criterion = pruning::taylor(),
//                                 .sparsity = pruning::cubic(0, 0.5, {.begin = 2, .end = 8})});
//   for (auto& batch : datasets::epochs(...)) { ...; optimizer.step(); prune.step(batch); }
class Pruner {
 public:
  Pruner(const layers::Model& model, const Method& method);

  // `batch` has images, labels, step and steps_per_epoch: the step just done, counted from 0. A
  // pruning depends on the step, and on the latest batches of the epoch where the criterion judges
  // by data. Returns whether it pruned.
  template <class Batch>
  bool step(const Batch& batch) {
    return step(examples(batch), batch.step, batch.steps_per_epoch);
  }
  bool step(Examples examples, std::int64_t step, std::int64_t steps_per_epoch);

  // For a training that is resumed in the middle of an epoch: the last batches before that, in
  // their order and as many as recalls() says, make the prunings to come the same as if training
  // had not been interrupted.
  template <class Batch>
  void recall(const Batch& batch) {
    recall(examples(batch));
  }
  void recall(Examples examples);
  int recalls() const { return method_.criterion.needs_data ? method_.batches - 1 : 0; }

  double sparsity() const;  // achieved so far
  const Outcome& last() const { return last_; }

 private:
  template <class Batch>
  static Examples examples(const Batch& batch) {
    return {batch.images, {batch.labels.begin(), batch.labels.end()}};
  }

  layers::Model model_;
  Method method_;
  std::deque<Examples> latest_;
  Outcome last_;
};

// After pruning, the statistics that batch norms gathered in training belong to the network as it
// was. Running mean and variance of every batch norm become the mean over these batches of each
// batch's own, all batches weighing the same. Only batch norm runs as in training: dropout drops
// nothing. Modes are then as before. Without batch norm nothing is done; without batches it is an
// Error.
void reestimate_batch_norm(const layers::Model& model, std::span<const Examples> batches);

}  // namespace espalier::pruning
