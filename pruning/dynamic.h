// Dynamic sparse training: a network that is sparse from its first step, and in which, now and
// then, each layer gives up its smallest weights and grows as many elsewhere. The lists are those
// of candidates() with Structure::Weight. Everything that is masked may grow back, the weights of
// removed filters too: compact those away first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pruning/candidates.h"

namespace espalier::pruning {

// How sparsity is spread over the layers. Erdos-Renyi-kernel: the density of a weight [O, C, K, K]
// is in proportion to (O + C + K + K) / (O C K K), so that small layers stay denser (Evci et al.,
// 2020).
enum class Distribution { Uniform, ErdosRenyiKernel };

// The sparsity of each list, so that `sparsity`, in [0, 1), of all their weights is gone.
std::vector<double> layer_sparsities(std::span<const Candidates> lists, double sparsity,
                                     Distribution distribution);

// Masks weights drawn at random: round(sparsity * count) of each list, at most all but one. An
// Error where a weight has a mask already: what it removed would come back.
void set_masks_at_random(std::span<const Candidates> lists, std::span<const double> sparsities,
                         std::uint64_t seed);

// While it lives, backward passes write the gradient of these weights also where they are masked.
class DenseGradients {
 public:
  explicit DenseGradients(std::span<const Candidates> lists);
  ~DenseGradients();
  DenseGradients(const DenseGradients&) = delete;
  DenseGradients& operator=(const DenseGradients&) = delete;

 private:
  std::vector<Parameter> weights_;
};

// What grows: where |gradient| is largest (RigL: Evci et al., 2020), or anywhere at random (SET:
// Mocanu et al., 2018).
enum class Grow { Gradient, Random };

struct RegrowOptions {
  double fraction = 0.3;  // of the weights that each layer has, in [0, 1]
  Grow grow = Grow::Gradient;
  std::uint64_t seed = 0;  // of Random; another one for each update
};

// One update. Each layer drops the fraction of its weights with the smallest |w| and grows as many,
// at most as many as are masked; its density stays as it was. A weight that was dropped may grow
// back at once. New ones start at exactly 0, and so does what optimisers keep for them. Returns how
// many were dropped.
//
// RigL reads the gradient that stands in the weights: that of the training batch at hand. Its
// optimiser step may come before, or be left out as in the paper; it must not come after, with the
// gradient of weights that are gone.
//
//   std::optional<DenseGradients> dense;
//   if (updates) dense.emplace(lists);
//   loss.backward();
//   if (updates) regrow(lists, {.fraction = rigl_fraction(t, 0, 0.75 * steps)});
//   else optimizer.step();
//
// Grow::Gradient without a dense gradient is an Error.
std::int64_t regrow(std::span<const Candidates> lists, const RegrowOptions& options);

// The fraction at step t: start / 2 * (1 + cos(pi (t - begin) / (end - begin))) in [begin, end), 0
// outside.
double rigl_fraction(double t, double begin, double end, double start = 0.3);

}  // namespace espalier::pruning
