// Scoring batches: the images that a criterion judges by.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/datasets.h"
#include "pruning/pruning.h"

namespace espalier::cli {

// Pictures that a criterion judges by, in batches, shuffled by the seed, not augmented.
std::vector<pruning::Examples> scoring_batches(const datasets::Dataset& train,
                                               const datasets::Normalisation& normalisation,
                                               std::int64_t pictures, std::uint64_t seed);

}  // namespace espalier::cli
