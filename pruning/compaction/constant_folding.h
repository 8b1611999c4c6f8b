// Constant folding: a constant that a layer reads becomes part of what the layer adds anyway.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "layers/layers.h"

namespace espalier::pruning {

using layers::Constant;
using Reader = layers::ChannelWalk::Reader;

// The channels that meet these slices of the reader's weight [O, I / groups, ...]: one in each
// group.
std::vector<std::int64_t> channels_of(const Reader& reader, std::span<const std::int64_t> inputs);

// Why a reader cannot take in the constants of these inputs; empty: it can.
std::string obstacle(const Reader& reader, std::span<const std::int64_t> inputs);

// Adds what these inputs, all known, make of the reader's outputs to its bias, or takes it from the
// running mean of the batch norm behind. The weights are as they were. Whether anything was added.
bool absorb(const Reader& reader, std::span<const std::int64_t> inputs);

}  // namespace espalier::pruning
