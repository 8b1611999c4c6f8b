// Absorb: a constant that a layer reads becomes part of what the layer adds anyway.
#pragma once

#include <string>

#include "pruning/constants.h"

namespace espalier::pruning {

// Why a reader cannot take in the constants of its inputs [first, first + count); empty: it can.
std::string obstacle(const Reader& reader, std::int64_t first, std::int64_t count);

// Adds what these inputs, all known, make of the reader's outputs to its bias, or takes it from the
// running mean of the batch norm behind. The weights are as they were. Whether anything was added.
bool absorb(const Reader& reader, std::int64_t first, std::int64_t count);

}  // namespace espalier::pruning
