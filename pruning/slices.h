// Slices: tensors of which some rows or columns stay, in their old order.
#pragma once

#include <cstdint>
#include <vector>

#include "pruning/candidates.h"

namespace espalier::pruning {

// The units, in order, that a selection keeps, each `span` wide: units 0 and 2 of 3 with span 2 are
// slices 0, 1, 4, 5.
std::vector<std::int64_t> slices(const Kept& kept, std::int64_t span);

// The slices of a plain tensor along dimension 0 or 1: [O, I, ...] -> [O, slices, ...].
Tensor cut(const Tensor& tensor, int dim, const std::vector<std::int64_t>& slices);

// The same for a parameter in place: value, mask and everything that optimisers keep of it. It is
// the same parameter afterwards, so that optimisers made before go on with it; a gradient that no
// step has used yet is forgotten. A mask that removes nothing of what stays goes too.
void cut(Parameter parameter, int dim, const std::vector<std::int64_t>& slices);

// Whether an element is removed: by the mask, or, without one, by being exactly zero.
inline bool is_gone(const Parameter& parameter, std::int64_t i) {
  const std::uint8_t* mask = parameter.mask();
  return mask ? mask[i] == 0 : parameter.data()[i] == 0;
}

// Of each set that a member has elements of, 1 where one of these is there still.
Kept alive(const Member& member, std::int64_t sets);

}  // namespace espalier::pruning
