// Running statistics afresh: with a momentum of 1 they are those of the last batch alone, and their
// mean is taken here, in double precision.
#include "pruning/statistics.h"

#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "layers/norm.h"
#include "layers/visit.h"

namespace espalier::pruning {
namespace {

// Batch norms in training mode and everything else in evaluation mode, while it lives.
class Gathering {
 public:
  explicit Gathering(const layers::Model& model) {
    for (const layers::Node& node : model.nodes()) {
      modes_.emplace_back(node.layer.get(), node.layer->training());
      if (auto* norm = dynamic_cast<layers::BatchNorm*>(node.layer.get()))
        norms_.emplace_back(norm, norm->options.momentum);
    }
    model.eval();
    for (auto& [norm, momentum] : norms_) {
      norm->train();
      norm->options.momentum = 1;
    }
  }
  ~Gathering() {
    for (auto& [layer, training] : modes_) layer->train(training);
    for (auto& [norm, momentum] : norms_) norm->options.momentum = momentum;
  }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  bool any() const { return !norms_.empty(); }
  void begin() {
    for (auto& [norm, momentum] : norms_) {  // the old ones may be anything, NaN too
      norm->num_batches_tracked = 0;
      for (Tensor statistic : {norm->running_mean, norm->running_var}) {
        statistic.copy_from(Tensor::zeros(statistic.shape()));
        sums_.emplace_back(statistic, std::vector<double>(statistic.numel(), 0.0));
      }
    }
  }
  void add() {
    for (auto& [statistic, sum] : sums_)
      for (std::size_t c = 0; c < sum.size(); ++c)
        sum[c] += static_cast<double>(statistic.data()[c]);
  }
  void put_mean(std::size_t batches) {
    for (auto& [statistic, sum] : sums_)
      for (std::size_t c = 0; c < sum.size(); ++c)
        statistic.mutable_data()[c] = static_cast<float>(sum[c] / static_cast<double>(batches));
  }

 private:
  std::vector<std::pair<layers::Module*, bool>> modes_;
  std::vector<std::pair<layers::BatchNorm*, float>> norms_;
  std::vector<std::pair<Tensor, std::vector<double>>> sums_;
};

}  // namespace

void reestimate_batch_norm(const layers::Model& model, std::span<const Examples> batches) {
  Gathering norms(model);
  if (!norms.any()) return;
  check(!batches.empty(),
        "batch-norm statistics: found no batches to gather them from, expected at least one");
  const NoGrad off;
  norms.begin();
  for (const Examples& batch : batches) {
    layers::outputs_of(model, batch.images);
    norms.add();
  }
  norms.put_mean(batches.size());
}

}  // namespace espalier::pruning
