// Proximal operators: exact solutions of min over W' of norm2(W - W')^2 + lambda * penalty(W'),
// with norm2 the root of the sum of squares. They pull weights towards zero, or onto it; they set
// no masks, and leave what is masked at exactly zero. Nothing is allocated.
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"

namespace espalier::pruning {

// Penalty 1 for every weight that is not zero: |w| <= sqrt(lambda) becomes 0. At equality both are
// best.
void hard_threshold(Parameter weight, double lambda);
// Penalty |w|: w moves towards zero by lambda / 2, and stops there.
void soft_threshold(Parameter weight, double lambda);
// Penalty norm1(W_i), summed over the filters W_i. It falls apart into that of single weights.
inline void filter_l1(const Parameter& weight, double lambda) { soft_threshold(weight, lambda); }
// Penalty norm2(W_i), summed over the filters or neurons W_i, the rows of dimension 0: each is
// scaled by max(0, 1 - lambda / (2 norm2(W_i))) (Yuan and Lin, 2006).
void group_lasso(Parameter weight, double lambda);

// Which penalty. BatchNormL1 is |scale| of batch norms (Liu et al., 2017), the others are on the
// weights of convolutions and linear layers.
enum class Penalty { L0, L1, FilterL1, GroupLasso, BatchNormL1 };
const char* name(Penalty penalty);
// "l0", "l1", "filter-l1", "group-lasso" or "bn-l1"; anything else is an Error.
Penalty penalty(const std::string& name);

struct RegulariserOptions {
  Penalty penalty = Penalty::L1;
  double strength = 1e-4;
  std::vector<std::string> only = {};       // layers; empty: all
  std::vector<std::string> leave_out = {};  // layers
};

// Adds strength * penalty to the loss by proximal gradient descent: after the optimiser's step on
// the loss alone, step() applies the operator of lr * strength * penalty. With the 1/2 that the
// method has in front of the square (Parikh and Boyd, 2014), lambda is 2 * lr * strength: L1 moves
// weights by lr * strength.
//
//   optimizer.step();
//   regulariser.step(optimizer.lr());
class Regulariser {
 public:
  // An Error where a layer does not exist, or none has such parameters.
  Regulariser(const layers::Model& model, const RegulariserOptions& options);

  void step(double lr) const;
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  RegulariserOptions options_;
  std::vector<Parameter> parameters_;
};

}  // namespace espalier::pruning
