// Split: a part of the training pictures set aside, for every choice that the test pictures must
// not be asked for.
#pragma once

#include <cstdint>

#include "datasets/dataset.h"

namespace espalier::datasets {

// Takes a share in (0, 1) of the pictures out of `train` and returns them, the same share of every
// class as nearly as whole pictures allow. Which ones follows from the seed alone; both parts keep
// the order. An Error when either part would be empty.
Dataset split_validation(Dataset& train, double share = 0.1, std::uint64_t seed = 0);

}  // namespace espalier::datasets
