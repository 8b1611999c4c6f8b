// Clipping: gradients that are too long are scaled down together, so that one bad batch cannot
// throw the weights far away.
#pragma once

#include <limits>

#include "optim/optimizer.h"

namespace espalier::optim {

// Scales all gradients by max_norm / (norm + 1e-6), as PyTorch does, where that is below 1. Returns
// the norm of all gradients together before clipping; 0 where there are none. Call it between
// backward() and step().
//
// Counted are the gradients that the next step will use, at the weights that masks keep. The sum is
// taken in double precision over fixed pieces: the same bits with any number of threads.
//
// A norm that is not finite is returned as it is, and the gradients stay as they are: scaling would
// spread the NaN to every weight. The caller decides (skip the step, or stop and say where it is).
double clip_grad_norm(const Parameters& parameters, double max_norm);

// The norm alone.
inline double grad_norm(const Parameters& parameters) {
  return clip_grad_norm(parameters, std::numeric_limits<double>::infinity());
}

}  // namespace espalier::optim
