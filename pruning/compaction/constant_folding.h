// Constant folding: a constant that a layer reads becomes part of what the layer adds anyway.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "layers/layers.h"

namespace espalier::pruning {

using Reader = layers::ChannelWalk::Reader;

// What keeps a reader from taking in the constants of these slices of its weight [O, I / groups,
// ...]; nothing: it can. Empty where an input is none and never was.
std::optional<std::string> obstacle(const Reader& reader, std::span<const std::int64_t> inputs);

// Adds what these inputs, all known, make of the reader's outputs to its bias, or takes it from the
// running mean of the batch norm behind. The weights are as they were. Whether anything was added.
bool absorb(const Reader& reader, std::span<const std::int64_t> inputs);

}  // namespace espalier::pruning
