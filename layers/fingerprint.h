// Fingerprint: tells a network's weights from others'.
#pragma once

#include <string>

#include "layers/model.h"

namespace espalier::layers {

// 16 hexadecimal digits over all parameters, sparse patterns, buffers and counters: the same for
// the same bits, before a file is written and after it is read. Masks and optimiser state do not
// count, since the outputs do not depend on them. The model has its tensors.
std::string fingerprint(const Model& model);

}  // namespace espalier::layers
