// Running statistics afresh: with a momentum of 1 they are those of the last batch alone, and their
// mean is taken here, in double precision.
#include "pruning/statistics.h"

#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "layers/norm.h"

namespace espalier::pruning {

void reestimate_batch_norm(const layers::Model& model, std::span<const Examples> batches) {
  // Batch norms in training mode and everything else in evaluation mode, while this lives.
  struct Gathering {
    explicit Gathering(const layers::Model& model) : mode(model) {
      for (const layers::Node& node : model.nodes())
        if (auto* norm = dynamic_cast<layers::BatchNorm*>(node.layer.get())) {
          norm->train();
          norms.emplace_back(norm, std::exchange(norm->options.momentum, 1));
        }
    }
    ~Gathering() {
      for (auto& [norm, momentum] : norms) norm->options.momentum = momentum;
    }
    layers::EvaluationMode mode;
    std::vector<std::pair<layers::BatchNorm*, float>> norms;
  } gathering(model);
  if (gathering.norms.empty()) return;
  check(!batches.empty(),
        "batch-norm statistics: found no batches to gather them from, expected at least one");
  std::vector<std::pair<Tensor, std::vector<double>>> sums;
  for (auto& [norm, momentum] : gathering.norms) {  // the old ones may be anything, NaN too
    norm->num_batches_tracked = 0;
    for (Tensor statistic : {norm->running_mean, norm->running_var}) {
      statistic.copy_from(Tensor::zeros(statistic.shape()));
      sums.emplace_back(statistic, std::vector<double>(statistic.numel(), 0.0));
    }
  }
  const NoGrad off;
  for (const Examples& batch : batches) {
    layers::outputs_of(model, batch.images);
    for (auto& [statistic, sum] : sums)
      for (std::size_t c = 0; c < sum.size(); ++c)
        sum[c] += static_cast<double>(statistic.data()[c]);
  }
  for (auto& [statistic, sum] : sums)
    for (std::size_t c = 0; c < sum.size(); ++c)
      statistic.mutable_data()[c] =
          static_cast<float>(sum[c] / static_cast<double>(batches.size()));
}

}  // namespace espalier::pruning
