// Running statistics afresh: a momentum of 1/k in the k-th batch makes a plain mean of them.
#include "pruning/statistics.h"

#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "layers/norm.h"
#include "layers/tree.h"

namespace espalier::pruning {
namespace {

// Batch norms in training mode and everything else in evaluation mode, while it lives.
class Gathering {
 public:
  explicit Gathering(const layers::Model& model) {
    layers::walk(model.root(), [&](layers::Module& module) {
      modes_.emplace_back(&module, module.training());
      if (auto* norm = dynamic_cast<layers::BatchNorm*>(&module))
        norms_.emplace_back(norm, norm->options.momentum);
    });
    model.eval();
    for (auto& [norm, momentum] : norms_) norm->train();
  }
  ~Gathering() {
    // Parents come first, and set their children too, whose own turn is then still to come.
    for (auto& [module, training] : modes_) module->train(training);
    for (auto& [norm, momentum] : norms_) norm->options.momentum = momentum;
  }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  bool any() const { return !norms_.empty(); }
  void begin() {
    for (auto& [norm, momentum] : norms_) {  // the old ones may be anything, NaN too
      norm->running_mean.copy_from(Tensor::zeros(norm->running_mean.shape()));
      norm->running_var.copy_from(Tensor::zeros(norm->running_var.shape()));
      norm->num_batches_tracked = 0;
    }
  }
  void weigh(float share) {
    for (auto& [norm, momentum] : norms_) norm->options.momentum = share;
  }

 private:
  std::vector<std::pair<layers::Module*, bool>> modes_;
  std::vector<std::pair<layers::BatchNorm*, float>> norms_;
};

}  // namespace

void reestimate_batch_norm(const layers::Model& model, std::span<const Examples> batches) {
  Gathering norms(model);
  if (!norms.any()) return;
  check(!batches.empty(),
        "batch-norm statistics: found no batches to gather them from, expected at least one");
  const NoGrad off;
  norms.begin();
  for (std::size_t k = 0; k < batches.size(); ++k) {
    norms.weigh(1 / static_cast<float>(k + 1));
    layers::outputs_of(model, batches[k].images);
  }
}

}  // namespace espalier::pruning
