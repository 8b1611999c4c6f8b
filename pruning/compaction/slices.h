// Slices: tensors of which some rows or columns stay, in their old order.
#pragma once

#include <cstdint>
#include <vector>

#include "pruning/sets.h"

namespace espalier::pruning {

// The slices of each unit.
std::vector<std::vector<std::int64_t>> slices_by_unit(const SliceUnits& units, std::int64_t count);

// The slices of a plain tensor along dimension 0 or 1: [O, I, ...] -> [O, slices, ...].
Tensor cut(const Tensor& tensor, int dim, const std::vector<std::int64_t>& slices);

// The same for a parameter in place: value, mask and everything that optimisers keep of it. It is
// the same parameter afterwards, so that optimisers made before go on with it; a gradient that no
// step has used yet is forgotten. A mask that removes nothing of what stays goes too.
void cut(Parameter parameter, int dim, const std::vector<std::int64_t>& slices);

// Of each set that a member has elements of, 1 where one of these is there still.
Kept alive(const Member& member, std::int64_t sets);

}  // namespace espalier::pruning
