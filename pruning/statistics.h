// Batch-norm statistics after pruning: those that were gathered in training belong to the network
// as it was.
#pragma once

#include <span>

#include "layers/model.h"
#include "pruning/criteria/evidence.h"

namespace espalier::pruning {

// Running mean and variance of every batch norm become the mean over these batches of each batch's
// own, all batches weighing the same. Only batch norm runs as in training: dropout drops nothing.
// Modes are then as before. Without batch norm nothing is done; without batches it is an Error.
void reestimate_batch_norm(const layers::Model& model, std::span<const Examples> batches);

}  // namespace espalier::pruning
