// Footprint: the memory that a network takes to run.
#pragma once

#include <cstdint>

#include "layers/model.h"

namespace espalier::layers {

struct Footprint {
  std::int64_t network = 0;  // bytes of values, masks and patterns; no optimiser state
  std::int64_t running = 0;  // bytes beyond these at the worst moment of one inference
  std::int64_t total() const { return network + running; }
};

// Runs one batch of zeros through a copy of the network, in evaluation mode, without the tape and
// on one thread. No other thread may run a network meanwhile.
Footprint footprint(const Model& model, std::int64_t images = 128);

}  // namespace espalier::layers
